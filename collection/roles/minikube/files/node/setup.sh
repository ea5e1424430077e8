# Runs in the new root of the node image (debian_image, option setup).

# systemd in a container: no hardware, no consoles, no kernel modules of its own.
for unit in udev.service systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
    systemd-modules-load.service systemd-networkd.service getty.target console-getty.service \
    systemd-logind.service systemd-remount-fs.service sys-kernel-debug.mount sys-kernel-tracing.mount \
    dev-hugepages.mount e2scrub_reap.service apt-daily.timer apt-daily-upgrade.timer; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
systemctl set-default multi-user.target
systemctl enable ssh.service containerd.service lab-images.service
echo 'ReadKMsg=no' >>/etc/systemd/journald.conf

# minikube logs in as this user and calls sudo for everything. "*" keeps the account unlocked without a password.
groupadd --system docker
useradd --create-home --gid docker --groups sudo --shell /bin/bash --password '*' docker
install -d -m 0700 -o docker -g docker /home/docker/.ssh
echo 'docker ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/docker
chmod 0440 /etc/sudoers.d/docker
rm -f /etc/ssh/ssh_host_*
sed -i 's/^UsePAM .*/UsePAM no/' /etc/ssh/sshd_config
# Programs in sbin for logins that start no shell profile.
echo 'SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' >>/etc/ssh/sshd_config

# minikube knows only Ubuntu and Buildroot nodes. What it does to an Ubuntu one is right here.
. /etc/os-release
printf 'PRETTY_NAME="%s (availability.lab node)"\nNAME="Ubuntu"\nID=ubuntu\nVERSION_ID="22.04"\n' "$PRETTY_NAME" \
  >/usr/lib/os-release

mkdir -p /etc/kubernetes/manifests /etc/containerd/certs.d /kind
echo '{"iso_version": "lab", "kicbase_version": "lab"}' >/version.json
