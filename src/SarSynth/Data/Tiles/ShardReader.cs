// Samples of a tar file: members that stand together and share their name up to the first dot, as WebDataset has it.
using System.Formats.Tar;

namespace SarSynth.Data;

/// <summary>A sample in a shard.</summary>
/// <param name="Key">The members' common name.</param>
/// <param name="Offset">First byte in the shard.</param>
/// <param name="Length">Bytes, headers and padding included.</param>
/// <param name="Members">Its members by their extension ("sar.png").</param>
internal sealed record ShardSample(string Key, long Offset, long Length, IReadOnlyDictionary<string,
    ShardMember> Members);

/// <summary>A member of a sample.</summary>
/// <param name="Length">Bytes that it has.</param>
/// <param name="Bytes">As many of them as were wanted.</param>
internal readonly record struct ShardMember(long Length, byte[] Bytes);

/// <summary>Reads samples one behind the other.</summary>
internal static class ShardReader
{
    private const int Block = 512;

    /// <summary>The samples of a shard from a place on.</summary>
    /// <param name="stream">The shard; reading begins where it stands.</param>
    /// <param name="shard">What messages call it.</param>
    /// <param name="offset">Which byte of the shard that is: the first of a sample.</param>
    /// <param name="end">
    /// The first byte that is not read any more; null for the shard's end, whose mark must be there then.
    /// </param>
    /// <param name="wanted">How many bytes of a member are read at most, by its extension.</param>
    /// <exception cref="TileException">The shard is cut short or is no tar file.</exception>
    public static IEnumerable<ShardSample> Samples(Stream stream, string shard, long offset, long? end, Func<string,
        long> wanted)
    {
        var counted = new CountedStream(stream, offset);
        var (key, members, begun) = ("", new Dictionary<string, ShardMember>(), offset);
        var next = offset;
        while (end is null || next < end)
        {
            var entry = Next(counted, shard, key);
            if (entry is null)
            {
                if (end is not null)
                    throw new TileException(shard, key,
                        $"found the shard's end at byte {counted.Position}, expected the sample up to byte {end}");
                break;
            }
            var begins = next;
            // Behind GetNextEntry the stream stands at the data.
            next = counted.Position + (entry.Length + Block - 1) / Block * Block;
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
            {
                Skip(counted, next, shard, entry.Name);
                continue;
            }
            var (name, extension) = Split(entry.Name);
            if (name != key && members.Count > 0)
            {
                yield return new ShardSample(key, begun, begins - begun, members);
                members = [];
            }
            if (members.Count == 0)
                (key, begun) = (name, begins);
            var bytes = Bytes(counted, Math.Min(entry.Length, wanted(extension)), shard, entry.Name);
            if (!members.TryAdd(extension, new ShardMember(entry.Length, bytes)))
                throw new TileException(shard, key, $"found member '{extension}' twice, expected it once");
            Skip(counted, next, shard, entry.Name);
        }
        if (members.Count > 0)
            yield return new ShardSample(key, begun, next - begun, members);
    }

    /// <summary>Key and extension of a member: the name is split at the first dot behind the last slash.</summary>
    public static (string Key, string Extension) Split(string name)
    {
        var dot = name.IndexOf('.', name.LastIndexOf('/') + 1);
        return dot < 0 ? (name, "") : (name[..dot], name[(dot + 1)..]);
    }

    private static TarEntry? Next(CountedStream stream, string shard, string key)
    {
        try
        {
            // A reader for each member: one that goes on would skip what was skipped here already.
            using var reader = new TarReader(stream, leaveOpen: true);
            stream.ReadSinceEntry = 0;
            var entry = reader.GetNextEntry();
            // At a mark of the end a whole block of zeros was read; at a cut between two members there is nothing.
            return entry is not null || stream.ReadSinceEntry > 0 ? entry : throw new EndOfStreamException();
        }
        catch (EndOfStreamException error)
        {
            throw new TileException(shard, key, $"the shard is cut short: it ends at byte {stream.Position} "
                + $"{(key.Length > 0 ? "behind this sample" : "before its first sample")}, "
                + "expected the end mark of a tar file", error);
        }
        catch (Exception error) when (error is InvalidDataException or FormatException)
        {
            throw new TileException(shard, key,
                $"found no tar header at byte {stream.Position - Block}: {error.Message}", error);
        }
    }

    private static byte[] Bytes(CountedStream stream, long length, string shard, string name)
    {
        var bytes = new byte[length];
        var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return read == length ? bytes : throw Cut(shard, name, read, length);
    }

    private static void Skip(CountedStream stream, long next, string shard, string name)
    {
        var missing = next - stream.Position;
        var skipped = stream.Skip(missing);
        // Padding behind the last byte may be missing: the content is there.
        if (skipped < missing && missing - skipped >= Block)
            throw Cut(shard, name, skipped, missing);
    }

    private static TileException Cut(string shard, string name, long found, long expected) =>
        new(shard, Split(name).Key,
        $"the shard is cut short: found {found} bytes of member '{Split(name).Extension}', expected {expected}");

    /// <summary>Counts where in the shard a stream stands; skips by seeking where that is possible.</summary>
    private sealed class CountedStream(Stream inner, long position) : ForwardStream
    {
        private long position = position;

        public long ReadSinceEntry { get; set; }

        public override long Position { get => position; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            var read = inner.Read(buffer);
            position += read;
            ReadSinceEntry += read;
            return read;
        }

        public long Skip(long count)
        {
            var skipped = 0L;
            if (inner.CanSeek)
            {
                skipped = Math.Min(count, inner.Length - inner.Position);
                inner.Position += skipped;
                position += skipped;
                return skipped;
            }
            var buffer = new byte[(int)Math.Min(count, 1 << 16)];
            while (skipped < count && Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length,
                count - skipped))) is > 0 and var read)
                skipped += read;
            return skipped;
        }
    }
}
