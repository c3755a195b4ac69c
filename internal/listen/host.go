package listen

import (
	"net"
	"slices"
	"strings"
)

// Loopback as a server's host name stands for the names of this machine.
const Loopback = "loopback"

var loopbackNames = []string{"127.0.0.1", "localhost", "::1"}

// AnswersTo reports whether a server of a name ("": any) is meant by the Host of a request. A name of a stranger's that leads
// here would make a stranger's page one of ours to the browser.
func AnswersTo(name, host string) bool {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	switch name {
	case "":
		return true
	case Loopback:
		return slices.Contains(loopbackNames, host)
	}
	return host == name
}
