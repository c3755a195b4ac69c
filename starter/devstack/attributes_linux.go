package devstack

import "syscall"

// attributes make a child that gets no Ctrl-C of the terminal, so that the stack can stop its parts in order, and
// that the system kills when the stack itself is killed. It is SIGKILL because nothing else could be waited for:
// the S3 gateway is gone with the stack, and the next stack needs the ports and the database.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
