package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"elara/spec/fault"
)

// failed gives an error of the SDK its kind and, where the operator can do something, a hint. The SDK's own text
// names the operation, the status and the request ID; it holds no secret.
func (s *store) failed(doing string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	kind, hint := s.classify(err)
	failure := fault.New(kind, "%s: %w", doing, err)
	if hint != "" {
		return fault.WithHint(failure, "%s", hint)
	}
	return failure
}

func (s *store) classify(err error) (fault.Kind, string) {
	switch codeOf(err) {
	case "RequestTimeTooSkewed":
		return fault.Invalid, "the clock of this machine and that of the S3 server differ by more than 15 minutes: set the clock"
	case "NoSuchBucket":
		return fault.Invalid, s.options.where() + " does not exist: create it, or let Elara create it"
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return fault.Invalid, s.options.where() + " is in another region than " + strconv.Quote(s.client.Options().Region) +
			": set its region" + s.regionOf(err)
	case "ExpiredToken", "ExpiredTokenException":
		return fault.Invalid, "the session token has expired: renew the credentials"
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return fault.Invalid, "the server does not know this pair of access key and secret key: check both"
	case "NotImplemented":
		return fault.Invalid, "the server does not know a part of the request"
	case "NoSuchUpload":
		return fault.Transient, "" // the parts were swept away by the server: the upload starts anew
	}
	switch status := statusOf(err); {
	case status == http.StatusNotFound:
		return fault.NotFound, ""
	case status == http.StatusPreconditionFailed, status == http.StatusConflict:
		return fault.Conflict, ""
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect, status == http.StatusPermanentRedirect:
		return fault.Invalid, s.options.where() + " is elsewhere: set its region, or its endpoint" + s.regionOf(err)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Invalid, "access denied: check the keys, the bucket's policy, and the clock of this machine"
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500, status == 0:
		return fault.Transient, "" // status 0: no answer at all
	case codeOf(err) == "BadDigest" || codeOf(err) == "XAmzContentChecksumMismatch" || codeOf(err) == "IncompleteBody" ||
		codeOf(err) == "RequestTimeout":
		return fault.Transient, "" // the body was damaged on its way
	}
	return fault.Invalid, ""
}

// regionOf tells the region that the server named, when it did.
func (s *store) regionOf(err error) string {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" {
			return " to " + strconv.Quote(region)
		}
	}
	return ""
}

func codeOf(err error) string {
	var known smithy.APIError
	if errors.As(err, &known) {
		return known.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// missingBucket stands for the 404 of HeadBucket, which carries no code: about a bucket it means NoSuchBucket.
type missingBucket struct{ error }

func (missingBucket) ErrorCode() string             { return "NoSuchBucket" }
func (e missingBucket) ErrorMessage() string        { return e.Error() }
func (missingBucket) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }
func (e missingBucket) Unwrap() error               { return e.error }

func asMissingBucket(err error) error {
	if statusOf(err) == http.StatusNotFound {
		return missingBucket{err}
	}
	return err
}

func quoted(key string) string { return strconv.Quote(key) }
