# Types a line and a tab into an interactive zsh, and prints what it shows then.
#
#   zsh -f complete.zsh FUNCTIONS LINE
#
# FUNCTIONS is the folder that _grantlint is in.
zmodload zsh/zpty
zpty shell zsh -f -i
# Until `until` is seen, or nothing has come for a while.
show() {
  local part seen= tries=0
  while ((tries++ < 100)); do
    while zpty -r -t shell part; do
      seen+=$part
    done
    [[ $seen == *$1* ]] && break
    sleep 0.05
  done
  print -r -- "$seen"
}
zpty -w shell "PS1= RPS1=; fpath=('$1' \$fpath); autoload -U compinit; compinit -u -D; print rea''dy"
show ready >/dev/null
zpty -w -n shell "$2"$'\t'
sleep 0.5
show "${3:-$2?}"
zpty -d shell
