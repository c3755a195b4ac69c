package runlog

import (
	"os"
	"strconv"
	"strings"
)

// peakResident is the most memory that this process has held, in bytes; 0 where the system does not say.
func peakResident() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil { // not Linux: the curve has no memory
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil { // a kernel that counts otherwise
				return 0
			}
			return kilobytes * 1024
		}
	}
	return 0
}
