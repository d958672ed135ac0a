#!/usr/bin/env bash
# Builds the solution and runs every test project, one after the other (they share one engine), with a filter if one is given.
# Prints each project's count; fails if a test failed, a project ran none or left no
# result file, and with CI=true if any test was skipped.
. "$(dirname "$0")/lib.sh"
cd "$root"
filter=${1:-}
results=$root/artifacts/test-results
rm -rf "$results"
mkdir -p "$results"

# No build server outlives the build: it would hold this script's output open.
export MSBUILDDISABLENODEREUSE=1
say "building"
dotnet build Runtime.sln -c Release --nologo -v q -p:UseSharedCompilation=false || die "the build failed"

count() { # result file, counter
  sed -n "s/.*<Counters[^>]* $2=\"\([0-9]*\)\".*/\1/p" "$1" | head -1
}

failures=0
for project in tests/*.Tests/*.csproj; do
  name=$(basename "$project" .csproj)
  trx=$results/$name.trx
  started=$SECONDS
  arguments=(test "$project" -c Release --no-build --nologo -v q --logger "console;verbosity=minimal" --logger "trx;LogFileName=$name.trx" --results-directory "$results")
  [ -z "$filter" ] || arguments+=(--filter "$filter")
  # Nothing here takes half as long; what hangs is a failure, and not the end of all else.
  timeout -k 10 35m dotnet "${arguments[@]}" </dev/null >"$results/$name.log" 2>&1 && status=0 || status=$?
  if [ ! -f "$trx" ]; then
    cat "$results/$name.log"
    # Under a filter a project may rightly have nothing to run; then there is no result file either.
    [ -n "$filter" ] && [ "$status" = 0 ] && continue
    printf '%-32s no result file\n' "$name"
    failures=$((failures + 1))
    continue
  fi
  passed=$(count "$trx" passed) failed=$(count "$trx" failed) total=$(count "$trx" total)
  printf '%-32s %5d passed %4d failed %4d not run  %4d s\n' "$name" "$passed" "$failed" $((total - passed - failed)) $((SECONDS - started))
  if [ "$status" != 0 ] || [ "$failed" != 0 ] || { [ "$passed" = 0 ] && [ -z "$filter" ]; } || { [ "${CI:-}" = true ] && [ "$total" != $((passed + failed)) ]; }; then
    cat "$results/$name.log"
    failures=$((failures + 1))
  fi
done
[ "$failures" = 0 ] || die "$failures test projects failed"
