variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version of the control plane and the nodes, for instance `1.35`. AWS charges six times as much for one that is out of standard support."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1\\.(29|[3-9][0-9])$", var.kubernetes_version))
    error_message = "The version is 1.29 or later, without a patch level, for instance 1.35."
  }
}

variable "subnet_ids" {
  description = "Private subnets for the control plane's interfaces, in two zones or more."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "EKS wants subnets in at least two zones."
  }
}

variable "node_subnet_ids" {
  description = "Private subnets for nodes, with a way out to pull images."
  type        = list(string)

  validation {
    condition     = length(var.node_subnet_ids) >= 1
    error_message = "Nodes need a subnet."
  }
}

variable "public_access_cidrs" {
  description = "Ranges that may reach the API server from the internet; none makes it private. The private endpoint is always on."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr))])
    error_message = "Ranges are IPv4 in CIDR notation, for instance 198.51.100.7/32."
  }

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "The API server is not for the whole internet: name the ranges that you come from, /8 at most."
  }
}

variable "node_groups" {
  description = <<-EOT
    Managed node groups by name. `instance_types` of one size, of which spot takes whichever is free; `capacity` is
    `ON_DEMAND` or `SPOT`; sizes are numbers of nodes, and `desired` counts at creation alone, since the autoscaler
    moves it afterwards; `disk_gib` is the root volume; `taints` keep off pods that do not tolerate them.
  EOT
  type = map(object({
    instance_types = list(string)
    ami_type       = optional(string, "AL2023_x86_64_STANDARD")
    capacity       = optional(string, "ON_DEMAND")
    min            = optional(number, 1)
    max            = optional(number, 3)
    desired        = optional(number, 2)
    disk_gib       = optional(number, 50)
    labels         = optional(map(string), {})
    taints         = optional(list(object({ key = string, value = optional(string), effect = string })), [])
  }))

  validation {
    condition     = length(var.node_groups) > 0 && alltrue([for name in keys(var.node_groups) : can(regex("^[a-z][a-z0-9-]{0,29}$", name))])
    error_message = "There is at least one node group; names have lower-case letters, digits and hyphens, 30 at most."
  }

  validation {
    condition     = alltrue([for group in var.node_groups : group.min >= 0 && group.min <= group.desired && group.desired <= group.max && group.max >= 1])
    error_message = "Sizes of a node group rise from min to desired to max."
  }

  validation {
    condition     = alltrue([for group in var.node_groups : contains(["ON_DEMAND", "SPOT"], group.capacity)])
    error_message = "A node group's capacity is ON_DEMAND or SPOT."
  }

  validation {
    condition     = alltrue([for group in var.node_groups : group.capacity != "SPOT" || length(group.instance_types) >= 2])
    error_message = "A spot group names two instance types or more, or one shortage takes it away."
  }

  validation {
    condition     = alltrue([for group in var.node_groups : group.disk_gib >= 20 && group.disk_gib <= 1000])
    error_message = "Root volumes have 20 to 1000 GiB."
  }

  validation {
    condition     = alltrue(flatten([for group in var.node_groups : [for taint in group.taints : contains(["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"], taint.effect)]]))
    error_message = "A taint's effect is NO_SCHEDULE, NO_EXECUTE or PREFER_NO_SCHEDULE."
  }
}

variable "addons" {
  description = "Add-ons by name: version (none takes EKS' default for this Kubernetes), and configuration as EKS' JSON schema of the add-on has it."
  type = map(object({
    version       = optional(string)
    configuration = optional(string)
  }))
  default = {
    vpc-cni                = { configuration = "{\"enableNetworkPolicy\":\"true\"}" }
    kube-proxy             = {}
    coredns                = {}
    eks-pod-identity-agent = {}
    aws-ebs-csi-driver     = {}
  }

  validation {
    condition     = contains(keys(var.addons), "eks-pod-identity-agent")
    error_message = "Workloads get their roles through eks-pod-identity-agent, so it has to be among the add-ons."
  }

  validation {
    condition     = alltrue([for addon in var.addons : addon.configuration == null || can(jsondecode(addon.configuration))])
    error_message = "An add-on's configuration is a JSON document."
  }
}

variable "access" {
  description = <<-EOT
    Who may use the cluster's API beside the one who makes it: a name for the entry, the IAM role's or user's ARN,
    `policy` as one of `ClusterAdmin`, `Admin`, `Edit`, `View`, and `namespaces`, none of which means all.
  EOT
  type = map(object({
    principal_arn = string
    policy        = string
    namespaces    = optional(list(string), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for entry in var.access : contains(["ClusterAdmin", "Admin", "Edit", "View"], entry.policy)])
    error_message = "An access entry's policy is ClusterAdmin, Admin, Edit or View."
  }
}

variable "workloads" {
  description = "Roles for pods through Pod Identity: the role's short name to the service account that gets it and the JSON of its policy."
  type = map(object({
    namespace       = string
    service_account = string
    policy          = string
  }))
  default = {}
}

variable "log_days" {
  description = "Days that the control plane's logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 days, or one of its longer periods."
  }
}
