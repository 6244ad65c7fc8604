# The other end of "#!pwsh": runs the code of JSON lines from stdin in one session and answers in JSON lines.
function global:__Answer($__message) {
    [Console]::Out.WriteLine((ConvertTo-Json $__message -Compress -Depth 30))
    [Console]::Out.Flush()
}
$PSStyle.OutputRendering = 'PlainText'
$ProgressPreference = 'SilentlyContinue'
[Console]::InputEncoding = [Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false)
__Answer @{ ready = $true }
while ($null -ne ($__line = [Console]::In.ReadLine())) {
    $__request = ConvertFrom-Json $__line -AsHashtable -NoEnumerate
    try {
        if ($__request.ContainsKey('set')) {
            Set-Variable -Name $__request.set -Value $__request.value -Scope Global
            __Answer @{ done = $true }
        }
        elseif ($__request.ContainsKey('get')) {
            __Answer @{ done = $true; value = (Get-Variable -Name $__request.get -Scope Global -ValueOnly -ErrorAction Stop) }
        }
        else {
            # What was printed before an error is shown too.
            $__failure = $null
            . { try { . ([scriptblock]::Create($__request.code)) } catch { $__failure = $_ } } *>&1 | Out-String -Stream -Width 120 |
                ForEach-Object { __Answer @{ stream = 'stdout'; text = "$_`n" } }
            if ($__failure) { throw $__failure }
            __Answer @{ done = $true }
        }
    }
    catch {
        $__place = @("$_".Split("`n")) + @($_.ScriptStackTrace.Split("`n") | Where-Object { $_ -notmatch 'No file\>: line \d+$' })
        __Answer @{ done = $true; ename = $_.Exception.GetType().Name; evalue = $_.Exception.Message; traceback = @($__place) }
    }
}
