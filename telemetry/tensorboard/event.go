package tensorboard

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"elara/telemetry/series"
)

// Field numbers of tensorflow's event.proto, summary.proto and tensor.proto.
const (
	eventWallTime    = 1
	eventStep        = 2
	eventFileVersion = 3
	eventSummary     = 5
	eventSessionLog  = 7

	sessionStatus = 1
	sessionStart  = 1 // value of the status

	summaryValue  = 1
	valueTag      = 1
	valueSimple   = 2
	valueTensor   = 8
	valueMetadata = 9

	metadataPlugin = 1
	pluginName     = 1

	tensorType   = 1
	tensorString = 7 // value of the type
	tensorValues = 8

	fileVersion = "brain.Event:2"
)

// event encodes the fields that every event has; the caller appends what happened.
func event(at time.Time, step int64) []byte {
	e := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	e = protowire.AppendFixed64(e, math.Float64bits(float64(at.UnixMilli())/1000))
	if step != 0 {
		e = protowire.AppendTag(e, eventStep, protowire.VarintType)
		e = protowire.AppendVarint(e, uint64(step))
	}
	return e
}

func appendBytes(out []byte, field protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, field, protowire.BytesType), data)
}

func appendNumber(out []byte, field protowire.Number, number uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), number)
}

// opening is the first event of a file.
func opening(at time.Time) []byte {
	return appendBytes(event(at, 0), eventFileVersion, []byte(fileVersion))
}

// restart makes readers drop every point that they hold.
func restart(at time.Time) []byte {
	return appendBytes(event(at, 0), eventSessionLog, appendNumber(nil, sessionStatus, sessionStart))
}

// scalars is a point: one value per key.
func scalars(point series.Point, at time.Time) []byte {
	var summary []byte
	for _, v := range point.Values {
		value := appendBytes(nil, valueTag, []byte(v.Key))
		value = protowire.AppendTag(value, valueSimple, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(float32(v.Number)))
		summary = appendBytes(summary, summaryValue, value)
	}
	return appendBytes(event(at, point.Step), eventSummary, summary)
}

// text is a Markdown text for TensorBoard's page of texts.
func text(tag, markdown string, at time.Time) []byte {
	tensor := appendNumber(nil, tensorType, tensorString)
	tensor = appendBytes(tensor, tensorValues, []byte(markdown))
	value := appendBytes(nil, valueTag, []byte(tag))
	value = appendBytes(value, valueTensor, tensor)
	value = appendBytes(value, valueMetadata, appendBytes(nil, metadataPlugin, appendBytes(nil, pluginName, []byte("text"))))
	return appendBytes(event(at, 0), eventSummary, appendBytes(nil, summaryValue, value))
}
