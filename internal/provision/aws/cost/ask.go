package cost

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"
	"golang.org/x/sync/errgroup"

	"github.com/pocctl/pocctl/internal/provision/aws/plan"
)

// ListRegion is where AWS answers for its price list, whatever region is asked for.
const ListRegion = "us-east-1"

// PriceList is what Ask asks AWS.
type PriceList interface {
	GetProducts(context.Context, *pricing.GetProductsInput, ...func(*pricing.Options)) (*pricing.GetProductsOutput, error)
}

// product is an instance type of a service, which has a price.
type product struct{ service, kind string }

// The services' codes in the price list.
const (
	machines  = "AmazonEC2"
	databases = "AmazonRDS"
	caches    = "AmazonElastiCache"
)

// Ask gives the table with what AWS asks today, on demand, for the instances that p has:
// machines, databases and caches, most of a month's cost. All else stays the table's.
// What the list does not tell keeps its price, and is said in the estimate. In a region
// that the table does not have, instances alone would be half a sum: nothing is asked.
func (t Table) Ask(ctx context.Context, list PriceList, p plan.Plan, region string, now time.Time) Table {
	if !t.Known(region) {
		return t
	}
	wanted := slices.SortedFunc(maps.Keys(products(p)), func(a, b product) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.kind, b.kind))
	})
	hours, silent := make([]float64, len(wanted)), make([]error, len(wanted))
	var all errgroup.Group
	const atOnce = 4
	all.SetLimit(atOnce)
	for i, one := range wanted {
		all.Go(func() error {
			hours[i], silent[i] = hour(ctx, list, one, region)
			return nil
		})
	}
	_ = all.Wait()
	prices := t.Regions[region]
	prices.Instances, prices.Databases, prices.Caches = maps.Clone(prices.Instances), maps.Clone(prices.Databases), maps.Clone(prices.Caches)
	into := map[string]*map[string]float64{machines: &prices.Instances, databases: &prices.Databases, caches: &prices.Caches}
	t.asked = &asked{on: now.Format(time.DateOnly), unanswered: []Unknown{}}
	for i, one := range wanted {
		if silent[i] != nil {
			t.asked.unanswered = append(t.asked.unanswered, Unknown{one.kind, "AWS' price list: " + silent[i].Error()})
			continue
		}
		if *into[one.service] == nil {
			*into[one.service] = map[string]float64{}
		}
		(*into[one.service])[one.kind] = hours[i]
		t.asked.answered++
	}
	t.Regions = maps.Clone(t.Regions)
	t.Regions[region] = prices
	return t
}

// asked is what the price list was asked for.
type asked struct {
	on         string // the day
	answered   int
	unanswered []Unknown
}

// products are the instance types that a plan has after it.
func products(p plan.Plan) map[product]bool {
	found := map[product]bool{}
	for _, resource := range p.Resources {
		after := attributes(resource.After)
		switch resource.Type {
		case "aws_instance":
			found[product{machines, after.text("instance_type")}] = true
		case "aws_eks_node_group":
			if kinds := after.list("instance_types"); len(kinds) > 0 {
				found[product{machines, fmt.Sprint(kinds[0])}] = true
			}
		case "aws_db_instance", "aws_rds_cluster_instance":
			found[product{databases, after.text("instance_class")}] = true
		case "aws_elasticache_replication_group", "aws_elasticache_cluster":
			found[product{caches, after.text("node_type")}] = true
		}
	}
	maps.DeleteFunc(found, func(one product, _ bool) bool { return one.kind == "" })
	return found
}

// hour gives dollars an hour of a product on demand.
func hour(ctx context.Context, list PriceList, one product, region string) (float64, error) {
	terms := map[string]string{"instanceType": one.kind, "regionCode": region}
	switch one.service {
	case machines:
		maps.Copy(terms, map[string]string{"operatingSystem": "Linux", "preInstalledSw": "NA", "tenancy": "Shared", "capacitystatus": "Used"})
	case databases:
		maps.Copy(terms, map[string]string{"databaseEngine": "PostgreSQL", "deploymentOption": "Single-AZ"})
	case caches:
		terms["cacheEngine"] = "Redis"
	}
	var filters []types.Filter
	for _, field := range slices.Sorted(maps.Keys(terms)) {
		filters = append(filters, types.Filter{Type: types.FilterTypeTermMatch, Field: aws.String(field), Value: aws.String(terms[field])})
	}
	found := map[float64]bool{}
	for pages := pricing.NewGetProductsPaginator(list, &pricing.GetProductsInput{ServiceCode: aws.String(one.service), Filters: filters}); pages.HasMorePages(); {
		answer, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, text := range answer.PriceList {
			prices, err := onDemand(text)
			if err != nil {
				return 0, err
			}
			for _, price := range prices {
				found[price] = true
			}
		}
	}
	switch prices := slices.Sorted(maps.Keys(found)); len(prices) {
	case 0:
		return 0, errors.New("no price on demand")
	case 1:
		return prices[0], nil
	default:
		return 0, fmt.Errorf("%d prices, from %g to %g an hour", len(prices), prices[0], prices[len(prices)-1])
	}
}

// onDemand gives what a product of the list costs an hour, in dollars; free ones left out.
// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file.html
func onDemand(text string) ([]float64, error) {
	var product struct {
		Terms struct {
			OnDemand map[string]struct {
				Dimensions map[string]struct {
					Unit  string            `json:"unit"`
					Price map[string]string `json:"pricePerUnit"`
				} `json:"priceDimensions"`
			} `json:"OnDemand"`
		} `json:"terms"`
	}
	if err := json.Unmarshal([]byte(text), &product); err != nil {
		return nil, fmt.Errorf("read a product: %w", err)
	}
	var found []float64
	for _, term := range product.Terms.OnDemand {
		for _, dimension := range term.Dimensions {
			if !strings.EqualFold(dimension.Unit, "Hrs") && !strings.EqualFold(dimension.Unit, "Hours") {
				continue
			}
			price, err := strconv.ParseFloat(dimension.Price["USD"], 64)
			if err != nil {
				return nil, fmt.Errorf("read a price: %w", err)
			}
			if price > 0 {
				found = append(found, price)
			}
		}
	}
	return found, nil
}
