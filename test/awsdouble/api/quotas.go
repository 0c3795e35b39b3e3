package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// quotas is Service Quotas.
func quotas() map[string]operation {
	return map[string]operation{
		"servicequotas:GetServiceQuota":           getQuota,
		"servicequotas:GetAWSDefaultServiceQuota": getQuota,
		"servicequotas:ListServiceQuotas":         listQuotas,
	}
}

// usual are quotas of an account that is in use: by service and code, its name
// and value.
func usual() map[string]map[string]quota {
	return map[string]map[string]quota{
		"ec2": {
			"L-0263D0A3": {"EC2-VPC Elastic IPs", 5},
			"L-1216C47A": {"Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 64},
			"L-34B43A08": {"All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 64},
		},
		"vpc": {
			"L-F678F1CE": {"VPCs per Region", 5},
			"L-FE5A380F": {"NAT gateways per Availability Zone", 5},
			"L-A4707A72": {"Internet gateways per Region", 5},
			"L-DF5E4CA3": {"Network interfaces per Region", 5000},
		},
		"eks": {
			"L-1194D53C": {"Clusters", 100},
			"L-6D54EA21": {"Managed node groups per cluster", 30},
		},
		"rds": {
			"L-7B6409FD": {"DB instances", 40},
			"L-7ADDB58A": {"Total storage for all DB instances", 100000},
		},
		"elasticloadbalancing": {
			"L-53DA6B97": {"Application Load Balancers per Region", 50},
			"L-69A177A2": {"Network Load Balancers per Region", 50},
		},
		"elasticache": {"L-DFE45DF3": {"Nodes per Region", 300}},
	}
}

type quota struct {
	name  string
	value float64
}

// told are a service's quotas with what the control file changes; those that it
// sets to -1 are not known.
func (c *call) told(service string) map[string]quota {
	all := usual()[service]
	for code, value := range c.control.Services[service] {
		if all == nil {
			all = map[string]quota{}
		}
		if value < 0 {
			delete(all, code)
			continue
		}
		all[code] = quota{all[code].name, value}
	}
	return all
}

func quotaFields(service, code string, told quota) map[string]any {
	return map[string]any{
		"ServiceCode": service, "ServiceName": service, "QuotaCode": code, "QuotaName": told.name, "Value": told.value,
		"Unit": "None", "Adjustable": true, "GlobalQuota": false,
	}
}

type quotaRequest struct {
	ServiceCode, QuotaCode, NextToken string
	MaxResults                        int
}

func getQuota(c *call) (any, error) {
	var asked quotaRequest
	if err := json.Unmarshal(c.body, &asked); err != nil {
		return nil, err
	}
	told, known := c.told(asked.ServiceCode)[asked.QuotaCode]
	if !known {
		return nil, &failure{status: http.StatusBadRequest, code: "NoSuchResourceException", message: "The request failed because the specified service quota does not exist."}
	}
	return map[string]any{"Quota": quotaFields(asked.ServiceCode, asked.QuotaCode, told)}, nil
}

func listQuotas(c *call) (any, error) {
	var asked quotaRequest
	if err := json.Unmarshal(c.body, &asked); err != nil {
		return nil, err
	}
	told := c.told(asked.ServiceCode)
	if told == nil {
		return nil, &failure{status: http.StatusBadRequest, code: "NoSuchResourceException", message: "The request failed because the specified service does not exist."}
	}
	codes := slices.Sorted(maps.Keys(told))
	start, _ := strconv.Atoi(asked.NextToken) // the first page has none
	end := min(start+page, len(codes))
	found := []any{}
	for _, code := range codes[min(start, len(codes)):end] {
		found = append(found, quotaFields(asked.ServiceCode, code, told[code]))
	}
	answer := map[string]any{"Quotas": found}
	if end < len(codes) {
		answer["NextToken"] = strconv.Itoa(end)
	}
	return answer, nil
}
