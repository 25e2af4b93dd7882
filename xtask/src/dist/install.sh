#!/bin/sh
# Installs laion-fmri with its manual pages and completions: install.sh [PREFIX]
# The prefix is ~/.local if none is given. Nothing outside of it is changed.
set -eu

glibc=@GLIBC@

fail() {
    printf 'error: %s\n' "$1" >&2
    printf 'hint: %s\n' "$2" >&2
    exit 1
}

from_source="on any system with Rust: cargo install --locked laion-fmri-cli"
here=$(dirname -- "$0")

system=$(uname -s)
machine=$(uname -m)
if [ "$system" != Linux ] || [ "$machine" != x86_64 ]; then
    fail "this laion-fmri does not run here (expected Linux on x86_64, got $system on $machine)" \
        "$from_source"
fi
if ! answer=$("$here/laion-fmri" --version 2>&1); then
    found=$(getconf GNU_LIBC_VERSION 2>/dev/null) || found="another C library"
    printf '%s\n' "$answer" >&2
    fail "this laion-fmri does not start here (expected glibc $glibc or newer, got $found)" \
        "use a newer system, such as a container on this machine; or $from_source"
fi

prefix=${1:-${HOME:?is not set; give a prefix: install.sh PREFIX}/.local}
# A program that is running is replaced by renaming, not overwritten.
place() {
    mkdir -p "$prefix/$2"
    cp "$here/$1" "$prefix/$2/.$3.new"
    mv -f "$prefix/$2/.$3.new" "$prefix/$2/$3"
}

place laion-fmri bin laion-fmri
for page in "$here"/man/*.1; do
    place "man/${page##*/}" share/man/man1 "${page##*/}"
done
place completions/laion-fmri.bash share/bash-completion/completions laion-fmri
place completions/_laion-fmri share/zsh/site-functions _laion-fmri
place completions/laion-fmri.fish share/fish/vendor_completions.d laion-fmri.fish

echo "$answer is in $prefix/bin"
case ":${PATH:-}:" in
    *":$prefix/bin:"*) ;;
    *) echo "add it to your path: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
