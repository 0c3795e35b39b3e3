// Package cost says what the resources of a plan cost a month, from a dated table of
// prices.
package cost

import (
	"bytes"
	_ "embed" // the table
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

//go:embed prices.yaml
var prices []byte

// Table holds prices in US dollars.
type Table struct {
	// AsOf is the month that the prices are of: "2025-06".
	AsOf          string  `yaml:"asOf"`
	HoursPerMonth float64 `yaml:"hoursPerMonth"`
	// SpotShare is what a spot instance costs of the on-demand price.
	SpotShare float64 `yaml:"spotShare"`
	// ByUse says, by type, what goes by use and is not counted.
	ByUse   map[string]string `yaml:"byUse"`
	Regions map[string]Region `yaml:"regions"`

	asked *asked // nil if all prices are those above
}

// Region holds the prices of one region.
type Region struct {
	EKSCluster        Price `yaml:"eksCluster"`
	NATGateway        Price `yaml:"natGateway"`
	PublicAddress     Price `yaml:"publicAddress"`
	InterfaceEndpoint Price `yaml:"interfaceEndpoint"` // in each availability zone
	LoadBalancer      Price `yaml:"loadBalancer"`
	KMSKey            Price `yaml:"kmsKey"`
	Secret            Price `yaml:"secret"`
	HostedZone        Price `yaml:"hostedZone"`
	Alarm             Price `yaml:"alarm"`
	WebACL            Price `yaml:"webACL"`
	WebACLRule        Price `yaml:"webACLRule"`
	VolumeGP3         Price `yaml:"volumeGP3"`
	DatabaseGP3       Price `yaml:"databaseGP3"`

	// Instances, Databases and Caches hold dollars an hour by instance type.
	// Databases are in one availability zone.
	Instances map[string]float64 `yaml:"instances"`
	Databases map[string]float64 `yaml:"databases"`
	Caches    map[string]float64 `yaml:"caches"`
}

// Price is what one thing costs; one of its fields is set.
type Price struct {
	Hour          float64 `yaml:"hour"`
	Month         float64 `yaml:"month"`
	GigabyteMonth float64 `yaml:"gigabyteMonth"`
}

// Load reads the table that pocctl is built with.
func Load() (Table, error) { return parse(prices) }

func parse(data []byte) (Table, error) {
	var table Table
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&table); err != nil {
		return Table{}, fmt.Errorf("read the table of prices: %w", err)
	}
	if table.AsOf == "" || table.HoursPerMonth <= 0 || table.SpotShare <= 0 || len(table.Regions) == 0 {
		return Table{}, errors.New("read the table of prices: asOf, hoursPerMonth, spotShare or regions is missing")
	}
	return table, nil
}

// month gives dollars a month of one thing at price.
func (t Table) month(price Price) float64 {
	return price.Month + price.Hour*t.HoursPerMonth + price.GigabyteMonth
}
