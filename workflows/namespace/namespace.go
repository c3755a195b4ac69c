package namespace

import (
	"context"
	"errors"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"elara/spec/fault"
	"elara/workflows"
)

// Prepare adds the search attributes that the namespace lacks. Where that is not allowed, it says how to add them.
func Prepare(ctx context.Context, server client.Client, name string) error {
	operator := server.OperatorService()
	listed, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: name})
	if err != nil {
		return fault.New(kindOf(err), "list the search attributes of namespace %s: %w", name, err)
	}
	missing := make(map[string]enumspb.IndexedValueType)
	var names []string
	for _, key := range workflows.SearchAttributes() {
		have, found := listed.GetCustomAttributes()[key.GetName()]
		if found && have != key.GetValueType() {
			return fault.New(fault.Invalid, "search attribute %s of namespace %s is of type %s, expected %s",
				key.GetName(), name, have, key.GetValueType())
		}
		if !found {
			missing[key.GetName()] = key.GetValueType()
			names = append(names, key.GetName()+"="+key.GetValueType().String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: name, SearchAttributes: missing})
	var exists *serviceerror.AlreadyExists // another worker was faster
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	return fault.WithHint(fault.New(kindOf(err), "add the search attributes of namespace %s: %w", name, err),
		"whoever runs the namespace can add them: %s", strings.Join(names, " "))
}

// kindOf tells what may pass from what an operator has to change.
func kindOf(err error) fault.Kind {
	var denied *serviceerror.PermissionDenied
	var unknown *serviceerror.Unimplemented
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &denied) || errors.As(err, &unknown) || errors.As(err, &missing) {
		return fault.Invalid
	}
	return fault.Transient
}
