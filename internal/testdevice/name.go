package testdevice

import "os"

// Name is the device that the environment's DEVICE asks for: the CPU where it is not set.
func Name() string {
	switch named := os.Getenv("DEVICE"); named {
	case "":
		return "cpu"
	case "cuda":
		return "cuda:0"
	default:
		return named
	}
}
