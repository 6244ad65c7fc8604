// Comms: channels of messages between code in the page and code in the kernel (Jupyter messaging, "Custom messages").
using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SarSynth.Kernel.Cells;

/// <summary>A channel between the page and the kernel, on which widgets are built.</summary>
public sealed class Comm
{
    private static readonly ConcurrentDictionary<string, Action<Comm, JsonElement>> Targets = new();

    internal static ConcurrentDictionary<string, Comm> Open { get; } = new();

    /// <summary>Sends a message of a comm; set by the running kernel.</summary>
    internal static Action<string, JsonObject, JsonObject?> Publish { get; set; } = (_, _, _) =>
        throw new InvalidOperationException("No kernel is running: there is no page to talk to.");

    internal Comm(string id, string target) => (Id, TargetName) = (id, target);

    /// <summary>Opens a comm to what the page has registered as <paramref name="targetName"/>.</summary>
    /// <param name="data">Anything that serialises to a JSON object; null for none.</param>
    /// <param name="metadata">The message's metadata, likewise.</param>
    public Comm(string targetName, object? data, object? metadata = null)
        : this(Guid.NewGuid().ToString("N"), targetName)
    {
        Open[Id] = this;
        var content = Content(data);
        content["target_name"] = targetName;
        Publish("comm_open", content, metadata is null ? null : Node(metadata) as JsonObject);
    }

    // With the address of the script that has the page's end (the classic notebook loads it),
    // and data that names the comm.
    internal Comm(string targetName, string targetModule, Func<string, JsonObject> data)
        : this(Guid.NewGuid().ToString("N"), targetName)
    {
        Open[Id] = this;
        var content = Content(data(Id));
        content["target_name"] = targetName;
        content["target_module"] = targetModule;
        Publish("comm_open", content, null);
    }

    /// <summary>The comm's identifier.</summary>
    public string Id { get; }

    /// <summary>The target that the comm was opened to.</summary>
    public string TargetName { get; }

    /// <summary>A message from the page; called on the thread of the cells, between cells.</summary>
    public event Action<JsonElement>? Message;

    /// <summary>The page has closed the comm.</summary>
    public event Action? Closed;

    /// <summary>Says what happens when the page opens a comm to <paramref name="targetName"/>.</summary>
    public static void Register(string targetName, Action<Comm, JsonElement> opened)
    {
        ArgumentNullException.ThrowIfNull(opened);
        Targets[targetName] = opened;
    }

    /// <summary>Sends a message to the page.</summary>
    public void Send(object? data) => Publish("comm_msg", Content(data), null);

    /// <summary>Closes the comm and tells the page.</summary>
    public void Close(object? data = null)
    {
        if (Open.TryRemove(Id, out _))
            Publish("comm_close", Content(data), null);
    }

    /// <summary>Opens a comm for the page; false where nobody has registered the target.</summary>
    internal static bool TryOpen(string id, string target, JsonElement data)
    {
        if (!Targets.TryGetValue(target, out var opened))
            return false;
        var comm = Open[id] = new Comm(id, target);
        opened(comm, data);
        return true;
    }

    internal void Receive(JsonElement data) => Message?.Invoke(data);

    internal void CloseFromPage()
    {
        Open.TryRemove(Id, out _);
        Closed?.Invoke();
    }

    private JsonObject Content(object? data) => new() { ["comm_id"] = Id, ["data"] = Node(data) ?? new JsonObject() };

    private static JsonNode? Node(object? data) =>
        data is JsonNode node ? node.DeepClone() : data is null ? null : JsonSerializer.SerializeToNode(data);
}
