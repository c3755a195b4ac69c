package devstack

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"elara/spec/fault"
)

// readyLine is what a detached owner writes to its ready file once the stack answers.
const readyLine = "ready\n"

// ReadyDescriptor is where a process that [Detach] started finds the file for its [Announcer].
const ReadyDescriptor = 3

// Detach runs the command, which is to start a stack in the folder and then to announce it, in a session of its own,
// so that it outlives this process and its terminal. It returns when the stack answers.
func Detach(ctx context.Context, folder string, command []string) (Record, error) {
	if err := makeFolder(folder); err != nil {
		return Record{}, err
	}
	output, err := openLog(LogPath(folder, "stack"))
	if err != nil {
		return Record{}, fmt.Errorf("open the stack's log: %w", err)
	}
	defer func() { _ = output.Close() }() // the owner has its own copy
	begin, err := output.Seek(0, io.SeekEnd)
	if err != nil {
		return Record{}, err
	}
	ready, announce, err := os.Pipe()
	if err != nil {
		return Record{}, err
	}
	defer func() { _ = ready.Close() }() // it is only read, and perhaps closed already
	owner := exec.Command(command[0], command[1:]...)
	owner.Stdout, owner.Stderr = output, output
	owner.ExtraFiles = []*os.File{announce}
	owner.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := owner.Start(); err != nil {
		return Record{}, errors.Join(err, announce.Close())
	}
	_ = announce.Close() // the child's copy is the one that counts: when that closes, reading ends

	stop := context.AfterFunc(ctx, func() { _ = ready.Close() })
	defer stop()
	line, _ := bufio.NewReader(ready).ReadString('\n') // any failure to read leaves the line short
	if line == readyLine {
		return Find(folder)
	}
	if ctx.Err() != nil {
		return Record{}, errors.Join(context.Cause(ctx), owner.Process.Signal(syscall.SIGTERM))
	}
	ended := owner.Wait()
	words := strings.TrimPrefix(lastWords(output.Name(), begin), filepath.Base(command[0])+": ")
	if words == "" {
		return Record{}, fault.WithHint(fault.New(fault.Transient, "start the stack: %w", ended), "its log is %s", output.Name())
	}
	kind := fault.Transient
	if owner.ProcessState.ExitCode() == invalidExit {
		kind = fault.Invalid
	}
	return Record{}, fault.New(kind, "start the stack: %s", words)
}

// invalidExit is the exit code by which every program of Elara says that its input was wrong.
const invalidExit = 2

// Announcer gives the function by which the owner tells the process that called Detach that the stack answers. Call
// Announcer before any child is started: a child must not inherit the file, or the other side would wait for it too.
func Announcer() (announce func() error) {
	syscall.CloseOnExec(ReadyDescriptor)
	file := os.NewFile(ReadyDescriptor, "ready")
	return func() error {
		_, err := io.WriteString(file, readyLine)
		return errors.Join(err, file.Close())
	}
}

// lastWords gives the last line that a process wrote to its log after the offset; "" when it said nothing.
func lastWords(path string, offset int64) string {
	data, err := os.ReadFile(path)
	if err != nil || offset > int64(len(data)) {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(data[offset:]), []byte("\n"))
	return strings.TrimSpace(string(lines[len(lines)-1]))
}

// Down asks the owner of the folder's stack to stop, and waits until the folder is free.
func Down(ctx context.Context, folder string) error {
	record, err := Find(folder)
	if err != nil {
		return err
	}
	if err := syscall.Kill(record.PID, syscall.SIGTERM); err != nil {
		return fmt.Errorf("ask process %d to stop: %w", record.PID, err)
	}
	return await(ctx, "the stack to stop", func(context.Context) error {
		held, err := locked(folder)
		if err == nil && held {
			err = fmt.Errorf("process %d still holds %s", record.PID, folder)
		}
		return err
	})
}
