"""SwiftDeploy: deployments you can pytest."""
