package cost

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"

	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// priceList answers by service and instance type.
type priceList map[string][]string

func (l priceList) GetProducts(_ context.Context, input *pricing.GetProductsInput, _ ...func(*pricing.Options)) (*pricing.GetProductsOutput, error) {
	terms := map[string]string{}
	for _, filter := range input.Filters {
		terms[aws.ToString(filter.Field)] = aws.ToString(filter.Value)
	}
	if terms["regionCode"] != "eu-west-1" {
		return nil, fmt.Errorf("asked for region %q", terms["regionCode"])
	}
	answer, is := l[aws.ToString(input.ServiceCode)+" "+terms["instanceType"]]
	if !is {
		return nil, errors.New("access denied")
	}
	return &pricing.GetProductsOutput{PriceList: answer}, nil
}

func listed(unit, price string) string {
	return fmt.Sprintf(`{"product":{},"terms":{"OnDemand":{"A":{"priceDimensions":{"A.B":{"unit":%q,"pricePerUnit":{"USD":%q}}}}},"Reserved":{}}}`, unit, price)
}

func TestAsk(t *testing.T) {
	p := plan.Plan{Resources: []plan.Resource{
		{Address: "a", Block: "a", Module: "eks", Type: "aws_instance", After: map[string]any{"instance_type": "t3.large"}},
		{Address: "b", Block: "b", Module: "rds", Type: "aws_db_instance", After: map[string]any{"instance_class": "db.t4g.medium"}},
		{Address: "c", Block: "c", Module: "redis", Type: "aws_elasticache_cluster", After: map[string]any{"node_type": "cache.t4g.small"}},
		{Address: "d", Block: "d", Module: "eks", Type: "aws_instance", Before: map[string]any{"instance_type": "m5.large"}},
		{Address: "e", Block: "e", Module: "eks", Type: "aws_kms_key", After: map[string]any{}},
	}}
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	before := table.Of(p, "eu-west-1")
	list := priceList{
		"AmazonEC2 t3.large":      {listed("Hrs", "1.0000000000"), listed("Hrs", "0.0000000000"), listed("Quantity", "7")},
		"AmazonRDS db.t4g.medium": {listed("Hrs", "2"), listed("Hrs", "3")},
	}
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	fresh := table.Ask(t.Context(), list, p, "eu-west-1", now)
	after := fresh.Of(p, "eu-west-1")
	if got := after.Modules[0]; got.Module != "eks" || got.Lines[0].After != 730 {
		t.Errorf("the machine costs %+v, and 1 dollar an hour is asked", got)
	}
	if after.Asked == nil || after.Asked.On != "2026-11-28" || after.Asked.Prices != 1 {
		t.Errorf("asked: %+v", after.Asked)
	}
	told := fmt.Sprint(after.Unknown)
	for _, want := range []string{"db.t4g.medium AWS' price list: 2 prices, from 2 to 3 an hour", "cache.t4g.small AWS' price list: access denied"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not said: %s", want, told)
		}
	}
	if again := table.Of(p, "eu-west-1"); again.After != before.After || again.Asked != nil {
		t.Errorf("the table that was asked from has changed: %v, was %v", again.After, before.After)
	}
	silent := table.Ask(t.Context(), priceList{}, p, "eu-west-1", now).Of(p, "eu-west-1")
	if silent.After != before.After || len(silent.Unknown) != len(before.Unknown)+3 {
		t.Errorf("a list that says nothing leaves %v of %v, unknown %v", silent.After, before.After, silent.Unknown)
	}
	if strange := table.Ask(t.Context(), list, p, "xx-north-1", now).Of(p, "xx-north-1"); strange.Asked != nil || len(strange.Unknown) == 0 {
		t.Errorf("a region without prices: %+v", strange)
	}
}

func FuzzOnDemand(f *testing.F) {
	f.Add(listed("Hrs", "0.1"))
	f.Add("{}")
	f.Add(listed("Hrs", "NaN"))
	f.Fuzz(func(t *testing.T, text string) {
		prices, err := onDemand(text)
		for _, price := range prices {
			if err != nil || !(price > 0) {
				t.Errorf("%v, %v", prices, err)
			}
		}
	})
}
