# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by app/run and tests/run: installs the Debian packages that are missing and builds in
# release. Everything goes to stderr, so that the program's own output stays clean.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build="$root/build/release"

# One place for all that building, running and testing needs.
packages=(
  g++ cmake ninja-build ccache pkg-config
  qt6-base-dev qt6-svg-dev libqcustomplot-dev
  libeigen3-dev libdnnl-dev ocl-icd-opencl-dev opencl-c-headers libhwy-dev
  libsodium-dev libsqlitecpp-dev libsqlite3-dev libboost-math-dev libfftw3-dev zlib1g-dev libcsv-dev libfast-float-dev
  nlohmann-json3-dev libcli11-dev
  librandom123-dev libbenchmark-dev
  fonts-dejavu-core
)

say() { printf '%s\n' "$*" >&2; }

installPackages() {
  command -v dpkg-query > /dev/null || return 0  # not Debian: CMake says what is missing
  local installed missing=() package
  installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ' "${packages[@]}" 2> /dev/null || true)"
  for package in "${packages[@]}"; do
    [[ $installed == *" ii $package "* ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local sudo=()
  if ((EUID != 0)); then
    command -v sudo > /dev/null || {
      say "These packages are missing; as root run: apt-get install ${missing[*]}"
      return 1
    }
    sudo=(sudo)
  fi
  say "Installing ${missing[*]} ..."
  local log
  log=$(mktemp)
  if ! { "${sudo[@]}" apt-get update &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1 < /dev/null; then
    tail -n 15 "$log" >&2
    say "The packages could not be installed; the lines above are apt-get's."
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# buildTarget TARGET...: configures where that was not done yet, and builds what has changed.
buildTarget() (
  mkdir -p "$build"
  exec 9> "$build/.lock"
  flock -n 9 || {
    say "Waiting for another build in $build ..."
    flock 9
  }
  log=$build/build.log
  # A tree that was moved or copied cannot be built with the old configuration.
  if [[ -f $build/CMakeCache.txt ]] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles" "$build/build.ninja"
  fi
  if [[ ! -f $build/build.ninja ]]; then
    say "Configuring in $build ..."
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release > "$log" 2>&1 9>&- || {
      tail -n 40 "$log" >&2
      say "Configuring failed; all of it is in $log"
      rm -f "$build/build.ninja"
      exit 1
    }
  fi
  # Nothing is said of a build that has nothing to do.
  { sleep 1.5; say "Building ${*/#all/everything} (the first time takes minutes) ..."; } 9>&- &
  local notice=$!
  local failed=0
  ninja -C "$build" -j "$(nproc)" "$@" > "$log" 2>&1 9>&- || failed=1
  kill "$notice" 2> /dev/null || true
  wait "$notice" 2> /dev/null || true
  ((failed == 0)) || {
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Automatic|Generating)' "$log" | tail -n 60 >&2
    say "The build failed; all of it is in $log"
    exit 1
  }
)
