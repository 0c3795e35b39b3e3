# Staging: what production has, in the smallest sizes that show the same behaviour.
# account_id, region and domain are the environment's, and given when it is run.
environment = "staging"
protected   = false
log_days    = 14

network = {
  cidr = "10.20.0.0/16"
  nat  = "single"

  # Each costs as much as its share of NAT in three zones: only what carries secrets.
  interface_endpoints = ["secretsmanager", "sts"]
}

cluster = {
  node_groups = {
    system = {
      instance_types = ["t3.large"]
      min            = 2
      desired        = 2
      max            = 4
    }
    spot = {
      instance_types = ["t3.large", "t3a.large", "m5.large", "m6i.large"]
      capacity       = "SPOT"
      min            = 1
      desired        = 1
      max            = 6
    }
  }
}

database = {
  instance_class = "db.t4g.medium"
  connections    = 400
}

cache = {
  node_type = "cache.t4g.small"
}

guard = {
  monthly_budget = 900
}
