# Production: nothing that one zone's loss takes away, and data that outlives mistakes.
# account_id, region and domain are the environment's, and given when it is run.
environment = "prod"
protected   = true
log_days    = 90

network = {
  cidr = "10.40.0.0/16"
  nat  = "zonal"
}

cluster = {
  node_groups = {
    system = {
      instance_types = ["m6i.large"]
      min            = 3
      desired        = 3
      max            = 6
    }
    spot = {
      instance_types = ["m5.large", "m5a.large", "m6i.large", "m6a.large"]
      capacity       = "SPOT"
      min            = 1
      desired        = 3
      max            = 20
    }
  }
}

database = {
  instance_class = "db.m6g.large"
  initial_gib    = 100
  maximum_gib    = 1000
  replicas       = 1
  backup_days    = 35
  connections    = 800
}

cache = {
  node_type     = "cache.m6g.large"
  nodes         = 3
  snapshot_days = 7
}

edge = {
  price_class          = "PriceClass_All"
  requests_per_address = 10000
}

guard = {
  monthly_budget = 3500
}
