terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"

      # CloudFront takes certificates and firewalls from there alone.
      configuration_aliases = [aws.us_east_1]
    }
  }
}
