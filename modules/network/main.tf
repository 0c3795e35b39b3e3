# Subnets of three kinds in each zone: public for load balancers and NAT, private
# for nodes and pods, data for databases, which have no way out at all.

data "aws_region" "this" {}
data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

data "aws_availability_zones" "this" {
  state = "available"

  # Local zones have neither EKS nor Multi-AZ databases.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  # `name` is deprecated from 6.0 on, `region` is unknown before it.
  region  = data.aws_region.this.id
  zones   = length(var.zones) > 0 ? var.zones : slice(sort(data.aws_availability_zones.this.names), 0, var.zone_count)
  indexes = { for index, zone in local.zones : zone => index }

  # Three quarters for pods, a quarter of each zone's size; the last quarter holds
  # sixteen small ranges, of which public and data take every other group of four.
  private = { for zone, index in local.indexes : zone => cidrsubnet(var.cidr, 2, index) }
  public  = { for zone, index in local.indexes : zone => cidrsubnet(var.cidr, 6, 48 + index) }
  data    = { for zone, index in local.indexes : zone => cidrsubnet(var.cidr, 6, 52 + index) }

  nat_zones = var.nat == "zonal" ? local.zones : slice(local.zones, 0, 1)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# A default group that allows nothing, so that forgetting to name one is harmless.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-closed" }
}

resource "aws_subnet" "public" {
  for_each = local.public

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = {
    Name                     = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  }
}

resource "aws_subnet" "private" {
  for_each = local.private

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = {
    Name                              = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
  }
}

resource "aws_subnet" "data" {
  for_each = local.data

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = { Name = "${var.name}-data-${each.key}" }
}
