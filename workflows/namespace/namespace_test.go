package namespace

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/grpc"

	"elara/spec/fault"
)

// operator is a server that has some search attributes.
type operator struct {
	operatorservice.OperatorServiceClient
	have     map[string]enumspb.IndexedValueType
	listErr  error
	addErr   error
	received map[string]enumspb.IndexedValueType
}

func (o *operator) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: o.have}, o.listErr
}

func (o *operator) AddSearchAttributes(_ context.Context, in *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	o.received = in.SearchAttributes
	return &operatorservice.AddSearchAttributesResponse{}, o.addErr
}

func prepare(o *operator) error {
	client := &mocks.Client{}
	client.On("OperatorService", mock.Anything).Return(o)
	return Prepare(context.Background(), client, "elara")
}

const (
	keyword = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	integer = enumspb.INDEXED_VALUE_TYPE_INT
	double  = enumspb.INDEXED_VALUE_TYPE_DOUBLE
)

func complete() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		"ElaraStage": keyword, "ElaraAdapter": keyword, "ElaraBaseModel": keyword, "ElaraDataset": keyword,
		"ElaraStep": integer, "ElaraEvalLoss": double, "ElaraReward": double, "ElaraKL": double, "SomebodyElses": keyword,
	}
}

func TestOnlyWhatIsMissingIsAdded(t *testing.T) {
	o := &operator{have: complete()}
	require.NoError(t, prepare(o))
	require.Nil(t, o.received)

	delete(o.have, "ElaraStep")
	require.NoError(t, prepare(o))
	require.Equal(t, map[string]enumspb.IndexedValueType{"ElaraStep": integer}, o.received)

	o.addErr = serviceerror.NewAlreadyExists("another worker was faster")
	require.NoError(t, prepare(o))
}

func TestNamespaceThatCannotServeIsRefused(t *testing.T) {
	otherType := complete()
	otherType["ElaraStep"] = double
	incomplete := complete()
	delete(incomplete, "ElaraEvalLoss")
	for name, test := range map[string]struct {
		operator operator
		kind     fault.Kind
		says     string
	}{
		"another type":      {operator{have: otherType}, fault.Invalid, "ElaraStep of namespace elara is of type Double, expected Int"},
		"not allowed":       {operator{have: incomplete, addErr: serviceerror.NewPermissionDenied("no", "")}, fault.Invalid, "whoever runs the namespace can add them: ElaraEvalLoss=Double"},
		"not there":         {operator{listErr: serviceerror.NewNamespaceNotFound("elara")}, fault.Invalid, "namespace elara"},
		"not answering now": {operator{listErr: serviceerror.NewUnavailable("starting")}, fault.Transient, "starting"},
	} {
		t.Run(name, func(t *testing.T) {
			err := prepare(&test.operator)
			require.Equal(t, test.kind, fault.KindOf(err))
			require.ErrorContains(t, err, test.says)
		})
	}
}
