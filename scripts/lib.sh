# Shared by the scripts; the working directory is the top of the project.

say() { printf '== %s\n' "$*" >&2; }

# The Python that the tools run on: 3.11 or newer.
base_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13 python3.14; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"; return
    fi
  done
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing Debian's python3-venv"
    debian_install python3 python3-venv >&2
    echo python3; return
  fi
  say "no Python 3.11 or newer with venv found; set PYTHON"; return 1
}

# debian_install PACKAGE...: from Debian, and no service of theirs is started.
debian_install() (
  export DEBIAN_FRONTEND=noninteractive
  policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt-get -qq update
  apt-get -qq install -y --no-install-recommends "$@"
)

# .venv with uv of the locked version, by which everything else is installed.
tool_venv() {
  [ -x .venv/bin/python ] || { say "creating .venv"; "$(base_python)" -m venv .venv; }
  [ -x .venv/bin/uv ] && return
  say "installing uv"
  if [ -e requirements/dev.txt ]; then
    sed -n '/^uv==/,/^[^ ]/p' requirements/dev.txt | sed '${/^uv==\|^ /!d}' >.venv/uv.txt
    .venv/bin/python -m pip -q install --no-deps --require-hashes -r .venv/uv.txt
  else
    .venv/bin/python -m pip -q install uv
  fi
}

# make_venv FOLDER PYTHON LOCK: exactly what the lock says, each file by its hash; a stamp makes it quick.
make_venv() {
  local folder=$1 python=$2 lock=$3 stamp
  stamp=$(cat "$lock" pyproject.toml scripts/lib.sh scripts/setup | sha256sum)
  [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && return
  [ -x "$folder/bin/python" ] || { say "creating $folder"; "$python" -m venv "$folder"; }
  say "installing $lock into $folder"
  .venv/bin/uv pip install -q --compile-bytecode --python "$folder/bin/python" --require-hashes -r "$lock"
  if [ "$lock" = requirements/dev.txt ]; then
    .venv/bin/uv pip install -q --python "$folder/bin/python" --no-deps --no-build-isolation -e .
  fi
  echo "$stamp" >"$folder/stamp"
}

python_3_14() {
  local candidate
  for candidate in "${PYTHON314:-}" python3.14; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 14, 2))' 2>/dev/null; then
      command -v "$candidate"; return
    fi
  done
  scripts/get-python314
}
