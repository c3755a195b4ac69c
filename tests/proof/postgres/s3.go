package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// startS3 starts SeaweedFS as docker-compose.yml does, on free ports.
func (s *site) startS3(ctx context.Context) error {
	names := []string{
		"s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "filer.port", "filer.port.grpc",
		"volume.port", "volume.port.grpc", "admin.port", "admin.port.grpc",
	}
	ports, err := s.ports(ctx, len(names))
	if err != nil {
		return err
	}
	folder := filepath.Join(s.work, "s3")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	arguments := []string{"mini", "-dir=" + folder, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"}
	for i, name := range names {
		arguments = append(arguments, "-"+name+"="+strconv.Itoa(ports[i]))
	}
	server := exec.CommandContext(ctx, s.tools.weed, arguments...)
	server.Dir = folder
	server.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey)
	if err := s.start("s3", server); err != nil {
		return err
	}
	s.s3 = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	return s.await(ctx, answers(s.s3+"/healthz", ""))
}
