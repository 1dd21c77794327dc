"""What costs, profiles, comparisons and benchmarks are shown with: tables, HTML, CSV, traces."""
