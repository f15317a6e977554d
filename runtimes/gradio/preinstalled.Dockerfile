# What Gradio apps expect to find, as on Hugging Face: it is built once for a server and base image, and all Spaces of the
# SDK stand on it. Nothing of a Space is part of it.

ARG BASE_IMAGE
FROM ${BASE_IMAGE}

USER root
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        build-essential ca-certificates cmake curl ffmpeg git git-lfs libgl1 libglib2.0-0 libsm6 libxext6 pkg-config \
        procps rsync wget \
    && rm -rf /var/lib/apt/lists/*

# A distribution's Python may refuse to have packages added (PEP 668).
RUN PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        datasets 'gradio[oauth,mcp]' huggingface_hub requests spaces
