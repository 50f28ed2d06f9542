"""What Prometheus may ask, on loopback only: blocks, bytes, seconds by stage, the queue, the GPU."""

from prometheus_client import Counter, Gauge, start_http_server

BLOCKS = Counter("weixun_blocks", "Blocks by how they ended", ["aoi", "ended"])
BLOCK_SECONDS = Counter("weixun_block_seconds", "Seconds in the work of blocks", ["aoi"])
STAGE_SECONDS = Counter("weixun_stage_seconds", "Seconds by stage of a scan", ["stage"])
BYTES = Counter("weixun_bytes", "Bytes of imagery", ["way"])
QUEUE = Gauge("weixun_blocks_waiting", "Blocks of the scan at work that are not done yet")
LEADS = Counter("weixun_leads", "Leads by what became of them in a night", ["what"])
NIGHT = Gauge("weixun_last_night_timestamp_seconds", "When the last night ended")
OBSERVED = Gauge("weixun_observed_share", "Share of an area observed on the last night", ["aoi"])
GPU_BYTES = Gauge("weixun_gpu_bytes", "GPU memory in use by this process", ["device"])

_served: set[int] = set()


def serve_metrics(port: int) -> None:
    """Answer on 127.0.0.1:port/metrics from now on; once for a process and port."""
    if port and port not in _served:
        start_http_server(port, addr="127.0.0.1")
        _served.add(port)


def note_gpus() -> None:
    """Read what the GPUs hold, where torch is at work already; it is not imported for this."""
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        for device in range(torch.cuda.device_count()):
            GPU_BYTES.labels(str(device)).set(torch.cuda.memory_allocated(device))
