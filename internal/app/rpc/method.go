package rpc

import (
	"strings"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/pocctl/pocctl/internal/app/limits"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// method is how calls of one are treated. The zero method is one that isn't
// known, and refused.
type method struct {
	// operation is its ID in the policy.
	operation string
	// reads says that it changes nothing: what is wrong with a request is then
	// a parameter, as in a query of REST.
	reads bool
	// lane is which kind of work it is.
	lane limits.Lane
	// open methods are for everybody, within limits: reflection.
	open bool
	// probe methods are never refused, limited, shed or made to fail: health.
	probe bool
}

// operations are the methods of our own by full name, with their IDs in the
// policy. One that is missing here is refused to everybody.
func operations() map[string]string {
	return map[string]string{
		pocctlv1.CatalogService_CreateProduct_FullMethodName:   "createProduct",
		pocctlv1.CatalogService_GetProduct_FullMethodName:      "getProduct",
		pocctlv1.CatalogService_ListProducts_FullMethodName:    "listProducts",
		pocctlv1.CatalogService_SearchProducts_FullMethodName:  "searchProducts",
		pocctlv1.CatalogService_SuggestProducts_FullMethodName: "suggestProducts",
		pocctlv1.CatalogService_ReplaceProduct_FullMethodName:  "replaceProduct",
		pocctlv1.CatalogService_DeleteProduct_FullMethodName:   "deleteProduct",

		pocctlv1.OrderService_PlaceOrder_FullMethodName:  "placeOrder",
		pocctlv1.OrderService_GetOrder_FullMethodName:    "getOrder",
		pocctlv1.OrderService_ListOrders_FullMethodName:  "listOrders",
		pocctlv1.OrderService_CancelOrder_FullMethodName: "cancelOrder",

		pocctlv1.AccountService_WhoAmI_FullMethodName: "whoAmI",

		pocctlv1.ObjectivesService_ListObjectives_FullMethodName: "listObjectives",

		pocctlv1.AdminService_ListFlags_FullMethodName:         "listFlags",
		pocctlv1.AdminService_SetFlagOverride_FullMethodName:   "setFlagOverride",
		pocctlv1.AdminService_ClearFlagOverride_FullMethodName: "clearFlagOverride",
		pocctlv1.AdminService_ListDeadLetters_FullMethodName:   "listDeadLetters",
		pocctlv1.AdminService_RequeueDeadLetter_FullMethodName: "requeueDeadLetter",
		pocctlv1.AdminService_ListAudit_FullMethodName:         "listAudit",
	}
}

// files describe the services of our own.
func files() []protoreflect.FileDescriptor {
	return []protoreflect.FileDescriptor{
		pocctlv1.File_pocctl_v1_catalog_proto, pocctlv1.File_pocctl_v1_orders_proto,
		pocctlv1.File_pocctl_v1_account_proto, pocctlv1.File_pocctl_v1_objectives_proto, pocctlv1.File_pocctl_v1_admin_proto,
	}
}

// methods gives every method of the server by its full name.
func methods() map[string]method {
	ids := operations()
	all := map[string]method{}
	for _, file := range files() {
		for service := range each(file.Services()) {
			for m := range each(service.Methods()) {
				name := "/" + string(service.FullName()) + "/" + string(m.Name())
				options, _ := m.Options().(*descriptorpb.MethodOptions)
				reads := options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
				all[name] = method{operation: ids[name], reads: reads, lane: laneOf(m, reads)}
			}
		}
	}
	for _, name := range []string{
		healthv1.Health_Check_FullMethodName, healthv1.Health_List_FullMethodName, healthv1.Health_Watch_FullMethodName,
	} {
		all[name] = method{probe: true}
	}
	all[reflectionv1.ServerReflection_ServerReflectionInfo_FullMethodName] = method{open: true}
	return all
}

func laneOf(m protoreflect.MethodDescriptor, reads bool) limits.Lane {
	switch {
	case m.Parent().Name() == "AdminService":
		return limits.Admin
	case !reads:
		return limits.Change
	case strings.HasPrefix(string(m.Name()), "Get"):
		return limits.Point
	}
	return limits.Query
}

// each goes through one of protoreflect's lists.
func each[T any](list interface {
	Len() int
	Get(int) T
},
) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for i := range list.Len() {
			if !yield(list.Get(i)) {
				return
			}
		}
	}
}
