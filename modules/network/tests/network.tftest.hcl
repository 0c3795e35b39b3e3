mock_provider "aws" {
  source = "../testing/aws"
}

variables {
  name = "pocctl-test"
}

run "subnets_lie_in_the_range_and_do_not_overlap" {
  command = plan

  assert {
    condition     = length(flatten([for kind in output.subnet_cidrs : values(kind)])) == 9
    error_message = "Three kinds of subnets in three zones are nine."
  }

  # Two ranges overlap if the shorter prefix of both has the same network.
  assert {
    condition = alltrue(flatten([
      for index, one in flatten([for kind in output.subnet_cidrs : values(kind)]) : [
        for other in slice(flatten([for kind in output.subnet_cidrs : values(kind)]), index + 1, 9) :
        cidrhost("${cidrhost(one, 0)}/${min(split("/", one)[1], split("/", other)[1])}", 0) != cidrhost("${cidrhost(other, 0)}/${min(split("/", one)[1], split("/", other)[1])}", 0)
      ]
    ]))
    error_message = "Two subnets overlap: ${jsonencode(output.subnet_cidrs)}"
  }

  assert {
    condition     = alltrue([for cidr in flatten([for kind in output.subnet_cidrs : values(kind)]) : cidrhost("${cidrhost(cidr, 0)}/16", 0) == cidrhost(var.cidr, 0)])
    error_message = "A subnet lies outside of the VPC's range."
  }

  assert {
    condition     = alltrue([for kind in [aws_subnet.public, aws_subnet.private, aws_subnet.data] : length(distinct([for subnet in kind : subnet.availability_zone])) == 3])
    error_message = "Each kind of subnet is in every zone."
  }
}

run "subnets_fit_the_smallest_range" {
  command = plan

  variables {
    cidr = "192.168.32.0/20"
  }

  assert {
    condition     = alltrue([for cidr in flatten([for kind in output.subnet_cidrs : values(kind)]) : tonumber(split("/", cidr)[1]) <= 28])
    error_message = "AWS refuses subnets below /28."
  }

  assert {
    condition     = alltrue([for cidr in flatten([for kind in output.subnet_cidrs : values(kind)]) : cidrhost("${cidrhost(cidr, 0)}/20", 0) == "192.168.32.0"])
    error_message = "A subnet lies outside of the VPC's range."
  }
}

run "one_nat_gateway_serves_all_zones" {
  command = plan

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_eip.nat) == 1
    error_message = "A single NAT gateway has one address."
  }

  assert {
    condition     = length(aws_route.private) == 3
    error_message = "Every zone's private subnet has a way out."
  }
}

run "zonal_nat_gateways" {
  command = plan

  variables {
    nat = "zonal"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3
    error_message = "There is a NAT gateway in each zone."
  }
}

run "each_zone_leaves_by_its_own_gateway" {
  variables {
    nat = "zonal"
  }

  assert {
    condition     = alltrue([for zone, route in aws_route.private : route.nat_gateway_id == aws_nat_gateway.this[zone].id]) && length(distinct([for route in aws_route.private : route.nat_gateway_id])) == 3
    error_message = "A zone leaves by another zone's gateway."
  }
}

run "data_subnets_have_no_way_out" {
  assert {
    condition     = alltrue([for association in aws_route_table_association.data : association.route_table_id == aws_route_table.data.id])
    error_message = "A data subnet has another table than the one without routes."
  }

  assert {
    condition     = alltrue([for route in aws_route.private : route.route_table_id != aws_route_table.data.id]) && aws_route.public.route_table_id != aws_route_table.data.id
    error_message = "The data subnets' table has a route."
  }
}

run "everything_is_logged_and_encrypted" {
  command = plan

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL"
    error_message = "Refused connections are the ones to look at, accepted ones too."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow.retention_in_days == 30
    error_message = "Logs are not kept for ever."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch != true])
    error_message = "What starts in a public subnet gets no public address by itself."
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0
    error_message = "The default security group lets somebody in."
  }
}

run "two_zones" {
  command = plan

  variables {
    zone_count = 2
    nat        = "zonal"
  }

  assert {
    condition     = length(aws_subnet.private) == 2 && length(aws_nat_gateway.this) == 2
    error_message = "Two zones were asked for."
  }
}

run "refuses_a_range_that_is_too_large" {
  command = plan

  variables {
    cidr = "10.0.0.0/8"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_range_that_is_too_small" {
  command = plan

  variables {
    cidr = "10.20.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_range_with_host_bits" {
  command = plan

  variables {
    cidr = "10.20.0.1/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_public_addresses" {
  command = plan

  variables {
    cidr = "8.8.0.0/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_one_zone" {
  command = plan

  variables {
    zone_count = 1
  }

  expect_failures = [var.zone_count]
}

run "refuses_a_zone_twice" {
  command = plan

  variables {
    zones = ["eu-west-1a", "eu-west-1a", "eu-west-1b"]
  }

  expect_failures = [var.zones]
}

run "refuses_an_unknown_kind_of_nat" {
  command = plan

  variables {
    nat = "instance"
  }

  expect_failures = [var.nat]
}

run "refuses_a_name_that_aws_would" {
  command = plan

  variables {
    name = "Pocctl_Test"
  }

  expect_failures = [var.name]
}
