# Sourced by the scripts that need other programs: packages of Debian, installed if they are missing and we are root; packages of npm.

# install_packages LOG PACKAGE…
install_packages() {
  local log=$1
  shift
  command -v apt-get >/dev/null || {
    echo "not installed, and there is no apt-get to install it: $*" >&2
    return 1
  }
  ((EUID == 0)) || {
    echo "not installed; as root: apt-get install --no-install-recommends $*" >&2
    return 1
  }
  apt_install "$log" "$@" && return 0
  # The lists of a fresh image are empty, those of an old one name versions that are gone.
  apt-get -o DPkg::Lock::Timeout=120 update >>"$log" 2>&1 && apt_install "$log" "$@" && return 0
  tail -20 "$log" >&2
  echo "apt-get could not install $*" >&2
  return 1
}

apt_install() {
  local log=$1
  shift
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "$@" >>"$log" 2>&1
}

# install_node FROM TO: what the lock file in FROM names, below TO, unless it is there already for this node.
install_node() {
  local from=$1 to=$2 stamp
  stamp=$(cat "$from/package.json" "$from/package-lock.json" <(node --version) | sha256sum)
  [[ $(cat "$to/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$to/node_modules"
  mkdir -p "$to"
  cp "$from"/package{,-lock}.json "$to/"
  npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund >"$to/npm.log" 2>&1 || {
    cat "$to/npm.log" >&2
    echo "npm ci failed in $to" >&2
    return 1
  }
  echo "$stamp" >"$to/stamp"
}
