variable "name" {
  description = "Prefix of every name, for instance `pocctl-staging`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, starts with a letter and ends with a letter or digit."
  }
}

variable "repositories" {
  description = "Short names of the image repositories; `NAME/` goes before them."
  type        = set(string)
  default     = ["backend", "frontend"]

  validation {
    condition     = length(var.repositories) > 0 && alltrue([for repository in var.repositories : can(regex("^[a-z][a-z0-9-]{1,62}$", repository))])
    error_message = "At least one repository; names have lower-case letters, digits and hyphens."
  }
}

variable "kept_images" {
  description = "Tagged images that a repository keeps; the oldest above it go."
  type        = number
  default     = 50

  validation {
    condition     = var.kept_images >= 5 && var.kept_images <= 1000
    error_message = "Keep between 5 images, to roll back to, and 1000."
  }
}

variable "force_destroy" {
  description = "Whether repositories are deleted with their images."
  type        = bool
  default     = false
}
