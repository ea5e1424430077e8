#!/bin/sh
# Packages with the names and the conflicts of Docker's own, and the distribution's files in them.
set -eu
for package in docker.io containerd runc; do dpkg-deb --raw-extract "$package"_*.deb "$package"; done
mv docker.io docker-ce
cp -a runc/usr containerd/
mv containerd containerd.io
sed -i -E '/^(Conflicts|Breaks|Replaces|Recommends|Built-Using):/d
  s/^Package: .*/Package: docker-ce/
  s/containerd \([^)]*\)/containerd.io/
  s/, runc \([^)]*\)//
  /^Architecture/a Conflicts: docker, docker-engine, docker.io' docker-ce/DEBIAN/control
sed -i -E '/^(Conflicts|Breaks|Replaces|Recommends|Built-Using):/d
  s/^Package: .*/Package: containerd.io/
  s/^Depends: runc \([^)]*\), /Depends: /
  /^Architecture/a Conflicts: containerd, runc\nProvides: containerd, runc' containerd.io/DEBIAN/control
rm -f docker-ce/DEBIAN/md5sums containerd.io/DEBIAN/md5sums
dpkg-deb -Znone --build docker-ce
dpkg-deb -Znone --build containerd.io
