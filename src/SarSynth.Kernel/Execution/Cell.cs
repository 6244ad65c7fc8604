// One execution of one cell: where its output goes, and whether it was interrupted. It flows with the execution
// context, so that a thread or task that a cell started prints under that cell, also after the next cell has begun.
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Kernel.Formatting;

namespace SarSynth.Kernel.Execution;

/// <summary>What a cell's output is sent through.</summary>
internal interface IOutputs
{
    /// <summary>Publishes on iopub under the request <paramref name="parentHeader"/>.</summary>
    void Publish(byte[]? parentHeader, string type, JsonObject content, JsonObject? metadata = null);

    /// <summary>Asks the front end that sent the request for a line; throws where it does not allow it.</summary>
    string Input(Cell cell, string prompt, bool password);
}

/// <summary>The running cell.</summary>
internal sealed class Cell(IOutputs outputs, byte[]? parentHeader, List<byte[]> identities, int number, bool silent,
    bool allowInput)
{
    private static readonly AsyncLocal<Cell?> Flowing = new();
    /// <summary>A cell whose output nobody sees.</summary>
    internal static readonly Cell Nowhere = new(new NoOutputs(), null, [], 0, true, false);
    private static volatile Cell s_last = Nowhere;
    private readonly Lock _gate = new();
    private readonly StringBuilder _text = new();
    private readonly CancellationTokenSource _interrupt = new();
    private string _stream = "stdout";

    /// <summary>The cell that the calling code belongs to; else the one that began last.</summary>
    internal static Cell CurrentOrLast => Flowing.Value ?? s_last;

    /// <summary>The cell that the calling code belongs to, or null.</summary>
    internal static Cell? Current { get => Flowing.Value; set => Flowing.Value = value; }

    internal int Number => number;
    internal byte[]? ParentHeader => parentHeader;
    internal List<byte[]> Identities => identities;
    internal bool AllowInput => allowInput;

    /// <summary>Cancelled when the cell is interrupted.</summary>
    internal CancellationToken Interrupted => _interrupt.Token;

    /// <summary>What happens to every displayed bundle besides being sent (history keeps results).</summary>
    internal string? ResultText { get; private set; }

    internal void MakeLast() => s_last = this;

    internal void Interrupt()
    {
        try
        {
            _interrupt.Cancel();
        }
        catch (AggregateException e)
        {
            Log.Write($"a callback of an interrupted cell failed: {e.InnerException?.Message}");
        }
    }

    /// <summary>Appends to stdout or stderr; sent within some milliseconds, in order.</summary>
    internal void Write(string stream, ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return;
        lock (_gate)
        {
            if (_stream != stream)
            {
                SendText();
                _stream = stream;
            }
            _text.Append(text);
            if (_text.Length > 256 * 1024)
                SendText();
        }
        StreamFlusher.Wake(this);
    }

    /// <summary>Sends what was written so far.</summary>
    internal void Flush()
    {
        lock (_gate)
            SendText();
    }

    internal void Display(IReadOnlyList<MimeText> values, string displayId, bool update)
    {
        if (silent)
            return;
        Publish(update ? "update_display_data" : "display_data", new JsonObject
        {
            ["data"] = Bundle(values),
            ["metadata"] = new JsonObject(),
            ["transient"] = new JsonObject { ["display_id"] = displayId },
        });
    }

    /// <summary>Sends the value of the cell's last expression.</summary>
    internal void Result(IReadOnlyList<MimeText> values)
    {
        ResultText = values.FirstOrDefault(v => v.MimeType == MimeText.Plain).Text;
        if (silent)
            return;
        Publish("execute_result", new JsonObject
        {
            ["execution_count"] = number,
            ["data"] = Bundle(values),
            ["metadata"] = new JsonObject(),
        });
    }

    internal void Error(CellError error)
    {
        if (!silent)
            Publish("error", error.ToJson());
    }

    internal void ClearOutput(bool wait) => Publish("clear_output", new JsonObject { ["wait"] = wait });

    internal string Input(string prompt, bool password)
    {
        Flush();
        return outputs.Input(this, prompt, password);
    }

    internal void Publish(string type, JsonObject content, JsonObject? metadata = null)
    {
        lock (_gate)
        {
            SendText();
            outputs.Publish(parentHeader, type, content, metadata);
        }
    }

    private void SendText()
    {
        if (_text.Length == 0)
            return;
        if (!silent)
            outputs.Publish(parentHeader, "stream", new JsonObject { ["name"] = _stream, ["text"] = _text.ToString() });
        _text.Clear();
        if (_text.Capacity > 64 * 1024)
            _text.Capacity = 1024;
    }

    internal static JsonObject Bundle(IReadOnlyList<MimeText> values)
    {
        var bundle = new JsonObject();
        foreach (var value in values)
            bundle[value.MimeType] = value.MimeType.EndsWith("json", StringComparison.Ordinal)
                ? JsonNode.Parse(value.Text) : value.Text;
        return bundle;
    }

    private sealed class NoOutputs : IOutputs
    {
        public void Publish(byte[]? parentHeader, string type, JsonObject content, JsonObject? metadata) { }

        public string Input(Cell cell, string prompt, bool password) =>
            throw new InvalidOperationException("No cell is running: nobody can be asked for input.");
    }
}

/// <summary>Sends what cells have printed, soon but not for each character.</summary>
internal static class StreamFlusher
{
    private const int Milliseconds = 20;
    private static readonly HashSet<Cell> Dirty = [];
    private static readonly ManualResetEventSlim Work = new();
    private static Thread? s_thread;

    internal static void Wake(Cell cell)
    {
        lock (Dirty)
        {
            if (!Dirty.Add(cell))
                return;
            if (s_thread is null)
            {
                using (ExecutionContext.SuppressFlow())
                    (s_thread = new Thread(Run) { IsBackground = true, Name = "output" }).Start();
            }
        }
        Work.Set();
    }

    private static void Run()
    {
        while (true)
        {
            Work.Wait();
            Work.Reset();
            Thread.Sleep(Milliseconds);
            Cell[] cells;
            lock (Dirty)
            {
                cells = [.. Dirty];
                Dirty.Clear();
            }
            foreach (var cell in cells)
                cell.Flush();
        }
    }
}
