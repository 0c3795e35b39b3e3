output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "IPv4 range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "zones" {
  description = "Names of the availability zones in use, in order."
  value       = local.zones
}

output "public_subnet_ids" {
  description = "IDs of the public subnets, in the order of the zones; they have their way out when this is known."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]

  depends_on = [aws_route.public, aws_route_table_association.public]
}

output "private_subnet_ids" {
  description = "IDs of the private subnets, in the order of the zones, as soon as they exist: enough for a control plane."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "node_subnet_ids" {
  description = "The private subnets' IDs again, when they have their way out: nodes pull images as soon as they start."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]

  depends_on = [aws_route.private, aws_route_table_association.private]
}

output "data_subnet_ids" {
  description = "IDs of the data subnets, in the order of the zones."
  value       = [for zone in local.zones : aws_subnet.data[zone].id]
}

output "subnet_cidrs" {
  description = "IPv4 ranges of the subnets, by kind and zone."
  value       = { public = local.public, private = local.private, data = local.data }
}

output "nat_public_ips" {
  description = "Public addresses that requests from inside come from."
  value       = [for address in aws_eip.nat : address.public_ip]
}
