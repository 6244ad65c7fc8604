// A Jupyter message (messaging protocol 5.4) and its wire form: identities, delimiter, HMAC, four JSON frames, buffers.
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SarSynth.Kernel.Protocol;

/// <summary>A received, verified message.</summary>
internal sealed class Message
{
    internal required List<byte[]> Identities { get; init; }
    internal required byte[] RawHeader { get; init; }
    internal required string Type { get; init; }
    internal required string Id { get; init; }
    internal required string Session { get; init; }
    internal required string? ParentId { get; init; }

    /// <summary>When it was sent by its sender's clock; null where it does not say.</summary>
    internal required DateTimeOffset? Date { get; init; }
    internal required JsonObject Content { get; init; }
    internal required JsonObject Metadata { get; init; }
    internal required List<byte[]> Buffers { get; init; }

    internal string Text(string field, string ifAbsent = "") =>
        Content[field] is JsonValue value && value.TryGetValue(out string? text) ? text : ifAbsent;

    internal bool Flag(string field, bool ifAbsent) =>
        Content[field] is JsonValue value && value.TryGetValue(out bool flag) ? flag : ifAbsent;

    internal int Number(string field, int ifAbsent) =>
        Content[field] is JsonValue value && value.TryGetValue(out int number) ? number : ifAbsent;
}

/// <summary>Why a received message is dropped.</summary>
internal sealed class BadMessageException(string reason) : Exception(reason);

/// <summary>Signs and writes, reads and verifies messages of one kernel session.</summary>
internal sealed class Wire(byte[] key)
{
    /// <summary>The protocol's version that this kernel speaks.</summary>
    internal const string ProtocolVersion = "5.4";

    private const int RememberedSignatures = 65_536;
    private static readonly byte[] Delimiter = "<IDS|MSG>"u8.ToArray();
    private static readonly byte[] Empty = "{}"u8.ToArray();
    private readonly HashSet<UInt128> _seen = [];
    private readonly Queue<UInt128> _seenInOrder = new();

    /// <summary>This kernel's session name, in the header of every message it sends.</summary>
    internal string Session { get; } = Guid.NewGuid().ToString("N");

    /// <summary>The frames of a message of the kernel.</summary>
    /// <param name="identities">Routing frames (for iopub: the topic).</param>
    /// <param name="parentHeader">The raw header of the request that this answers, or null.</param>
    internal List<byte[]> Write(IEnumerable<byte[]> identities, string type, byte[]? parentHeader, JsonObject content,
        JsonObject? metadata = null, IReadOnlyList<byte[]>? buffers = null)
    {
        var header = new JsonObject
        {
            ["msg_id"] = Guid.NewGuid().ToString("N"),
            ["session"] = Session,
            ["username"] = "kernel",
            ["date"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ",
                System.Globalization.CultureInfo.InvariantCulture),
            ["msg_type"] = type,
            ["version"] = ProtocolVersion,
        };
        var parts = new[] { Bytes(header), parentHeader ?? Empty, metadata is null ? Empty
            : Bytes(metadata), Bytes(content) };
        var frames = new List<byte[]>(identities) { Delimiter, Sign(parts) };
        frames.AddRange(parts);
        if (buffers is not null)
            frames.AddRange(buffers);
        return frames;
    }

    /// <summary>Reads and verifies the frames of a message.</summary>
    /// <exception cref="BadMessageException">
    /// Frames are missing, the signature is wrong or was seen before, or a part is not what the protocol says.
    /// </exception>
    internal Message Read(List<byte[]> frames)
    {
        var delimiter = frames.FindIndex(f => f.AsSpan().SequenceEqual(Delimiter));
        if (delimiter < 0 || frames.Count < delimiter + 6)
            throw new BadMessageException("not a Jupyter message: delimiter or frames missing");
        var parts = frames.GetRange(delimiter + 2, 4);
        if (key.Length > 0)
        {
            if (!CryptographicOperations.FixedTimeEquals(Sign(parts), frames[delimiter + 1]))
                throw new BadMessageException("wrong signature");
            Remember(UInt128.Parse(frames[delimiter + 1].AsSpan(0, 32),
                System.Globalization.NumberStyles.AllowHexSpecifier, null));
        }
        try
        {
            var header = Object(parts[0], "header");
            var parent = Object(parts[1], "parent_header");
            return new Message
            {
                Identities = frames.GetRange(0, delimiter),
                RawHeader = parts[0],
                Type = Required(header, "msg_type"),
                Id = Required(header, "msg_id"),
                Session = Required(header, "session"),
                ParentId = parent["msg_id"] is JsonValue v && v.TryGetValue(out string? id) ? id : null,
                Date = header["date"] is JsonValue d && d.TryGetValue(out string? date)
                    && DateTimeOffset.TryParse(date, System.Globalization.CultureInfo.InvariantCulture,
                        System.Globalization.DateTimeStyles.AssumeUniversal, out var sent) ? sent : null,
                Metadata = Object(parts[2], "metadata"),
                Content = Object(parts[3], "content"),
                Buffers = frames.GetRange(delimiter + 6, frames.Count - delimiter - 6),
            };
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new BadMessageException($"malformed JSON: {e.Message}");
        }
    }

    private void Remember(UInt128 signature)
    {
        if (!_seen.Add(signature))
            throw new BadMessageException("a signature that was used before (replay)");
        _seenInOrder.Enqueue(signature);
        if (_seenInOrder.Count > RememberedSignatures)
            _seen.Remove(_seenInOrder.Dequeue());
    }

    private byte[] Sign(IReadOnlyList<byte[]> parts)
    {
        if (key.Length == 0)
            return [];
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        foreach (var part in parts)
            hash.AppendData(part);
        return System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static JsonObject Object(byte[] json, string name)
    {
        if (JsonNode.Parse(json) is not JsonObject node)
            throw new BadMessageException($"{name} is not a JSON object");
        _ = node.Count; // A duplicate field is found here, not in the middle of a handler.
        return node;
    }

    private static string Required(JsonObject header, string field) =>
        header[field] is JsonValue value && value.TryGetValue(out string? text) ? text
        : throw new BadMessageException($"header field '{field}' is missing");

    private static byte[] Bytes(JsonObject node)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer,
            new JsonWriterOptions { SkipValidation = true,
            Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            node.WriteTo(writer);
        return buffer.WrittenSpan.ToArray();
    }
}
