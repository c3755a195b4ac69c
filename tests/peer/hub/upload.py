"""Uploads a folder as huggingface_hub does, for the test that tests/localhub speaks the interface of the hub. huggingface_hub 2.4.0.

Usage: HF_ENDPOINT=... HF_TOKEN=... python upload.py OWNER/NAME FOLDER
"""
import sys

from huggingface_hub import HfApi

api = HfApi()
api.create_repo(sys.argv[1], private=True, exist_ok=True)
print(api.upload_folder(repo_id=sys.argv[1], folder_path=sys.argv[2], commit_message="Upload").oid)
