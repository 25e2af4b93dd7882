"""Serves the objects of a folder as an S3 bucket with moto, until its input ends.

usage: serve_s3.py FOLDER BUCKET

Files larger than 5 MiB are uploaded in parts of 5 MiB. Keys that contain "denied" are private, so that
they are listed and answer 403 to strangers. A line on the input, KEY TAB FILE, replaces an object;
"done" is printed when that has happened. The first line of the output is the port.
"""

import os
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from moto.server import ThreadedMotoServer


def main(folder, bucket):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket=bucket, ACL="public-read")
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)

    def put(key, path):
        acl = "private" if "denied" in key else "public-read"
        client.upload_file(path, bucket, key, ExtraArgs={"ACL": acl}, Config=parts)

    for directory, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(directory, name)
            put(os.path.relpath(path, folder), path)
    print(port, flush=True)
    for line in sys.stdin:
        key, path = line.rstrip("\n").split("\t")
        put(key, path)
        print("done", flush=True)
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
