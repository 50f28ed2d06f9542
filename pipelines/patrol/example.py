"""A `patrol.toml` to begin with."""

EXAMPLE = """\
# A patrol: weixun patrol run --config patrol.toml, or every night: weixun patrol serve --config patrol.toml
# No secret belongs in this file: see `weixun patrol --help`.

[[watch]]
aoi = "hulun_lake"                # an id (weixun aoi list), a file beside this one, or "lon,lat,radius_m"
source = "cdse,landsat"           # names of sources.toml; or archive = "archive"
detectors = ["hulun_lake", "wetland", "grassland"]   # without it: all

[[watch]]
aoi = "119.75,49.21,15000"
source = "cdse"
every_nights = 5                  # looked at every fifth night

[before]                          # a look is held against the same season of earlier years
seasons = ["04-15/06-10", "06-11/08-31", "09-01/10-31"]
years = 2

[after]
first_days = 30                   # the first patrol (存量) looks back so far
late_days = 21                    # scenes that come later than this are left aside
min_clear = 0.01                  # least share of a block that must be clear

[schedule]
cron = "30 2 * * *"               # half past two every night
timezone = "Asia/Shanghai"

[budget]
weekly = 10                       # leads a week that come to the desk

# [notify.webhook]                # each night's numbers as JSON; token: WEIXUN_WEBHOOK_TOKEN or secrets/webhook.toml
# url = "http://127.0.0.1:8080/weixun"

# [notify.mail]                   # user and password: WEIXUN_SMTP_USER, WEIXUN_SMTP_PASSWORD or secrets/smtp.toml
# host = "mail.example"
# sender = "weixun@mail.example"
# to = ["desk@mail.example"]

[alarms]
no_scene_days = 7
coverage_falls = 0.5
leads_factor = 4

[keep]
blocks_days = 3
results_days = 120
min_free_gb = 5

[work]
workers = 2
block_px = 2048                   # two at a time want 7.5 GB of memory; 1024 wants 4 GB
metrics_port = 9464               # Prometheus, on loopback only
"""
"""What the file looks like."""
