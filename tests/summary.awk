# Sums up the .trx files of a test run: seconds and counts of each project, each skipped test with its reason, and the total
# as the last line.
function attribute(name,    value) {
    value = $0
    if (!sub(".* " name "=\"", "", value)) return ""
    sub("\".*", "", value)
    return text(value)
}
function text(xml) {
    gsub(/&lt;/, "<", xml); gsub(/&gt;/, ">", xml); gsub(/&quot;/, "\"", xml); gsub(/&amp;/, "\\&", xml)
    return xml
}
function seconds(time,    part) {
    sub(/.*T/, "", time)
    split(time, part, /[:+Z]/)
    return 3600 * part[1] + 60 * part[2] + part[3]
}
FNR == 1 { project = ""; waits = 0 }
/<Times / { took = seconds(attribute("finish")) - seconds(attribute("start")); if (took < 0) took += 86400 }
/<UnitTestResult / { waits = /outcome="NotExecuted"/; if (waits) { name = attribute("testName"); reasons[++skips] = "  " name } }
waits && /<Message>/ {
    reason = $0
    sub(/.*<Message>/, "", reason)
    sub(/<\/Message>.*/, "", reason)
    reasons[skips] = reasons[skips] ": " text(reason)
    waits = 0
}
project == "" && /codeBase="/ { project = attribute("codeBase"); sub(/.*[\/\\]/, "", project); sub(/\.dll$/, "", project) }
/<Counters / {
    if (attribute("total") == 0) next
    broken = attribute("failed") + attribute("error") + attribute("timeout") + attribute("aborted")
    left = attribute("total") - attribute("executed")
    rows[++projects] = sprintf("  %-34s%7.0f s%9d%9d%9d", project, took, attribute("passed"), broken, left)
    passed += attribute("passed"); failed += broken; skipped += left; all += took
}
END {
    if (skips) print "\nSkipped:"
    for (i = 1; i <= skips; i++) print reasons[i]
    if (projects) printf "\n  %-34s%9s%9s%9s%9s\n", "", "time", "passed", "failed", "skipped"
    for (i = 1; i <= projects; i++) print rows[i]
    if (projects > 1) printf "  %-34s%7.0f s%9d%9d%9d\n", "all", all, passed, failed, skipped
    printf "%d %d %d\n", passed, failed, skipped
}
