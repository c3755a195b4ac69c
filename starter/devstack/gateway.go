package devstack

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"elara/storage/gateway"
)

// objects keeps the S3 gateway running, which is a part of this process.
type objects struct {
	options gateway.Options
	report  func(string)
	stop    chan struct{}
	done    chan struct{} // closed when the gateway will not run again
	failure error         // of the last end; valid after done
}

// startGateway serves the folder's objects and returns when it answers.
func startGateway(ctx context.Context, folder string, port int, credentials Credentials, report func(string)) (*objects, error) {
	o := &objects{
		options: gateway.Options{
			Folder: filepath.Join(folder, objectsFolder), Address: address(port), Region: Region, Buckets: []string{Bucket},
			AccessKey: credentials.AccessKey, SecretKey: credentials.SecretKey,
		},
		report: report, stop: make(chan struct{}), done: make(chan struct{}),
	}
	first, err := gateway.Start(ctx, o.options)
	if err != nil {
		return nil, err
	}
	go o.keep(context.WithoutCancel(ctx), first)
	return o, nil
}

// keep starts the gateway again when it ends by itself. running is nil while it is down.
func (o *objects) keep(ctx context.Context, running *gateway.Gateway) {
	defer close(o.done)
	backoff := firstBackoff
	for {
		begun := time.Now()
		if running != nil {
			select {
			case <-o.stop:
				o.failure = running.Close()
				return
			case <-running.Done():
				o.report(fmt.Sprintf("the S3 gateway ended (%v), starting it again in %v", running.Close(), backoff))
			}
		}
		if time.Since(begun) > healthyAfter {
			backoff = firstBackoff
		}
		select {
		case <-o.stop:
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
		var err error
		if running, err = gateway.Start(ctx, o.options); err != nil {
			o.report(fmt.Sprintf("the S3 gateway does not start (%v), trying again in %v", err, backoff))
		}
	}
}

// Close lets requests in hand finish and ends the gateway.
func (o *objects) Close() error {
	close(o.stop)
	<-o.done
	return o.failure
}
