// The answers to each kind of request.
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Cells;
using SarSynth.Kernel.Execution;
using SarSynth.Kernel.Language;
using SarSynth.Kernel.Output;
using SarSynth.Kernel.Protocol;

namespace SarSynth.Kernel;

internal sealed partial class KernelServer
{
    private JsonObject? Answer(Message message)
    {
        switch (message.Type)
        {
            case "kernel_info_request":
                return KernelInfo();
            case "is_complete_request":
                var (status, indent) = CodeAssistant.Completeness(message.Text("code"));
                var answer = new JsonObject { ["status"] = status };
                if (status == "incomplete")
                    answer["indent"] = indent;
                return answer;
            case "complete_request":
                return Complete(message);
            case "inspect_request":
                return Inspect(message);
            case "history_request":
                return _history.Answer(message);
            case "comm_info_request":
                return CommInfo(message);
            case "debug_request":
                // The debug adapter protocol's own way to say no.
                return new JsonObject
                {
                    ["type"] = "response", ["request_seq"] = message.Number("seq", 0), ["seq"] = 0, ["success"] = false,
                    ["command"] = message.Text("command"), ["message"] = "This kernel has no debugger.",
                };
            default:
                return null;
        }
    }

    private void Execute(Message message, long order)
    {
        if (order <= Interlocked.Read(ref _abortUpTo))
        {
            Reply(Channel.Shell, message, "execute_reply",
                new JsonObject { ["status"] = "aborted", ["execution_count"] = _count });
            return;
        }
        var code = message.Text("code");
        var silent = message.Flag("silent", false);
        var keep = !silent && message.Flag("store_history", true);
        if (keep)
            _count++;
        var cell = new Cell(this, message.RawHeader, message.Identities, _count, silent,
            message.Flag("allow_stdin", true));
        if (!silent)
            Publish(message.RawHeader, "execute_input",
                new JsonObject { ["code"] = code, ["execution_count"] = _count });
        cell.MakeLast();
        Volatile.Write(ref _executing, cell);
        if (order <= Interlocked.Read(ref _abortUpTo))
            cell.Interrupt(); // It came just now.
        var page = Page(code);
        var error = page is null ? _executor.Run(cell, code) : null;
        ConsoleCapture.Drain();
        cell.Flush();
        if (error is not null)
        {
            cell.Error(error);
            if (message.Flag("stop_on_error", true))
                AbortUpTo(Interlocked.Read(ref _received));
        }
        if (keep)
            _history.Add(_count, code, cell.ResultText);
        var reply = error is null ? Ok() : Failed(error);
        reply["execution_count"] = _count;
        if (error is null)
        {
            reply["payload"] = page is null ? new JsonArray() : new JsonArray(page);
            reply["user_expressions"] = Expressions(message, cell);
        }
        Volatile.Write(ref _executing, null);
        Reply(Channel.Shell, message, "execute_reply", reply);
        _forgotten.AfterCell();
    }

    // "Name?" is not C#: it asks for the documentation, in the front end's pager.
    private JsonObject? Page(string code)
    {
        var name = code.Trim();
        if (!name.EndsWith('?') || name.Contains('\n')
            || _assistant.Inspect(name[..^1], name.Length - 1, 1) is not { } found)
            return null;
        return new JsonObject
        {
            ["source"] = "page", ["start"] = 0,
                ["data"] = new JsonObject { ["text/plain"] = found.Text, ["text/html"] = found.Html },
        };
    }

    private JsonObject Expressions(Message message, Cell cell)
    {
        var answers = new JsonObject();
        if (message.Content["user_expressions"] is JsonObject expressions)
            foreach (var (name, expression) in expressions)
            {
                var (values, error) = _executor.Evaluate(cell, expression?.ToString() ?? "");
                JsonObject answer;
                if (error is not null)
                {
                    answer = Failed(error);
                }
                else
                {
                    answer = Ok();
                    answer["data"] = Cell.Bundle(values!);
                    answer["metadata"] = new JsonObject();
                }
                answers[name] = answer;
            }
        return answers;
    }

    // The protocol counts cursor positions in Unicode code points, C# in UTF-16 units.
    private static int ToUnits(string code, int points)
    {
        var units = 0;
        for (; points > 0 && units < code.Length; points--)
            units += char.IsHighSurrogate(code[units]) && units + 1 < code.Length ? 2 : 1;
        return units;
    }

    private static int ToPoints(string code, int units) => code.AsSpan(0, units).ToString().EnumerateRunes().Count();

    private JsonObject Complete(Message message)
    {
        var code = message.Text("code");
        var found = _assistant.Complete(code, ToUnits(code, message.Number("cursor_pos", int.MaxValue)));
        int start = ToPoints(code, found.Start), end = ToPoints(code, found.End);
        return new JsonObject
        {
            ["status"] = "ok",
            ["matches"] = new JsonArray([.. found.Items.Select(i => (JsonNode)JsonValue.Create(i.Text)!)]),
            ["cursor_start"] = start,
            ["cursor_end"] = end,
            ["metadata"] = new JsonObject
            {
                ["_jupyter_types_experimental"] = new JsonArray([.. found.Items.Select(i => (JsonNode)new JsonObject
                {
                    ["text"] = i.Text, ["type"] = i.Type, ["start"] = start, ["end"] = end,
                })]),
            },
        };
    }

    private JsonObject Inspect(Message message)
    {
        var code = message.Text("code");
        var found = _assistant.Inspect(code, ToUnits(code, message.Number("cursor_pos", int.MaxValue)),
            message.Number("detail_level", 0));
        return new JsonObject
        {
            ["status"] = "ok",
            ["found"] = found is not null,
            ["data"] = found is { } f ? new JsonObject { ["text/plain"] = f.Text, ["text/html"] = f.Html }
                : new JsonObject(),
            ["metadata"] = new JsonObject(),
        };
    }

    private static JsonObject CommInfo(Message message)
    {
        var target = message.Text("target_name");
        var comms = new JsonObject();
        foreach (var comm in Comm.Open.Values)
            if (target.Length == 0 || comm.TargetName == target)
                comms[comm.Id] = new JsonObject { ["target_name"] = comm.TargetName };
        return new JsonObject { ["status"] = "ok", ["comms"] = comms };
    }

    private bool CommMessage(Message message)
    {
        if (message.Type is not ("comm_open" or "comm_msg" or "comm_close"))
            return false;
        var id = message.Text("comm_id");
        var data = JsonSerializer.SerializeToElement(message.Content["data"]);
        var cell = new Cell(this, message.RawHeader, message.Identities, _count, silent: false, allowInput: false);
        var known = Comm.Open.GetValueOrDefault(id);
        CellError? error = null;
        if (message.Type == "comm_open")
        {
            var opened = false;
            error = _executor.Callback(cell, () => opened = Comm.TryOpen(id, message.Text("target_name"), data));
            if (!opened)
                Publish(message.RawHeader, "comm_close",
                    new JsonObject { ["comm_id"] = id, ["data"] = new JsonObject() });
        }
        else if (known is not null)
        {
            error = _executor.Callback(cell, message.Type == "comm_msg" ? () =>
                known.Receive(data) : known.CloseFromPage);
        }
        ConsoleCapture.Drain();
        cell.Flush();
        if (error is not null)
            cell.Error(error);
        return true;
    }

    private static JsonObject KernelInfo() => new()
    {
        ["status"] = "ok",
        ["protocol_version"] = Wire.ProtocolVersion,
        ["implementation"] = "sarsynth-kernel",
        ["implementation_version"] = KernelSpec.Version,
        ["language_info"] = new JsonObject
        {
            ["name"] = "C#",
            ["version"] = "14.0",
            ["mimetype"] = "text/x-csharp",
            ["file_extension"] = ".cs",
            ["pygments_lexer"] = "csharp",
            ["codemirror_mode"] = "text/x-csharp",
            ["nbconvert_exporter"] = "script",
        },
        ["banner"] = $"C# on .NET {Environment.Version} (sarsynth-kernel {KernelSpec.Version})",
        ["debugger"] = false,
        ["supported_features"] = new JsonArray(),
        ["help_links"] = new JsonArray(
            new JsonObject { ["text"] = "C# reference", ["url"] = "https://learn.microsoft.com/dotnet/csharp/" },
            new JsonObject { ["text"] = ".NET API", ["url"] = "https://learn.microsoft.com/dotnet/api/" }),
    };
}
