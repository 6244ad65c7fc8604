using System.Buffers.Binary;
using System.Text;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Tests.Support;

namespace SarSynth.Diffusion.Tests.Checkpoints;

public sealed class SafeTensorsHeaderTests
{
    [Fact]
    public void ReadsShapesTypesAndMetadata()
    {
        var header = Parse("""
            {"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},
             "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}
            """ + "   ", data: 16, out var start);
        Assert.Equal("pt", header.Metadata["format"]);
        Assert.Equal(["a", "b"], header.Entries.Select(e => e.Name));
        Assert.Equal([2L, 3L], header.Entries[1].Shape);
        Assert.Equal((SafeTensorType.BF16, start + 4, 12L),
            (header.Entries[1].Type, header.Entries[1].Offset, header.Entries[1].Length));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"""
        + """ "b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"""
        + """ "b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "belong to no tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "belong to no tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "expected 12 for F32 [3]")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"""
        + """ "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "'a' occurs twice")]
    [InlineData("""{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}""", 4, "dtype 'F31' is not known")]
    [InlineData("""{"a":{"dtype":"3","shape":[1],"data_offsets":[0,4]}}""", 4, "dtype '3' is not known")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "data_offsets is missing")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "not an integer")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}""", 4,
        "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}""", 4, "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"name":"x"}}""", 4, "'name' is not known")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "not a string")]
    [InlineData("""{"a":[1]}""", 0, "expected an object")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", 4, "not valid JSON")]
    [InlineData("""{} {}""", 0, "not valid JSON")]
    [InlineData("""[]""", 0, "does not start with '{'")]
    public void NamesWhatIsWrong(string json, int data, string expected)
    {
        var error = Assert.Throws<CheckpointException>(() => Parse(json, data, out _));
        Assert.StartsWith("x.safetensors: ", error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void RefusesBadUtf8()
    {
        var json = Encoding.UTF8.GetBytes("""{"aaaa":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""");
        json[3] = 0xFF;
        Assert.Throws<CheckpointException>(() => SafeTensorsHeader.Parse(json, 8 + json.Length + 4, "x.safetensors"));
    }

    [Theory]
    [InlineData(ulong.MaxValue, 100, "at most")]
    [InlineData(100_000_001ul, 1_000_000_000, "at most")]
    [InlineData(93ul, 100, "truncated")]
    [InlineData(0ul, 100, "at least 2")]
    [InlineData(2ul, 7, "at least 10")]
    public void RefusesAbsurdLengths(ulong length, long file, string expected)
    {
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, length);
        Assert.Contains(expected,
            Assert.Throws<CheckpointException>(() => SafeTensorsHeader.ReadLength(prefix, file, "x")).Message);
    }

    [Fact]
    public void FiveThousandMutationsNeverReachOutsideTheFile()
    {
        var bytes = File.ReadAllBytes(TestData.Golden("diffusion/clip_text/inputs.safetensors"));
        var random = new Random(20250711);
        int refused = 0, accepted = 0;
        for (var i = 0; i < 5000; i++)
        {
            var mutant = (byte[])bytes.Clone();
            var headerEnd = 8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(mutant);
            for (var n = random.Next(1, 6); n > 0; n--)
            {
                var at = random.Next(headerEnd);
                switch (random.Next(4))
                {
                    case 0: mutant[at] = (byte)random.Next(256); break;
                    case 1: mutant[at] ^= (byte)(1 << random.Next(8)); break;
                    case 2: mutant[at] = (byte)"0123456789[]{},:\""[random.Next(17)]; break;
                    default: Array.Copy(bytes, random.Next(headerEnd - 8), mutant, Math.Min(at, headerEnd - 8),
                        8); break;
                }
            }
            if (random.Next(8) == 0)
                mutant = mutant[..random.Next(mutant.Length)];
            try
            {
                var length = SafeTensorsHeader.ReadLength(mutant.AsSpan(0, Math.Min(8, mutant.Length)), mutant.Length,
                    "mutant");
                var header = SafeTensorsHeader.Parse(mutant.AsSpan(8, length), mutant.Length, "mutant");
                foreach (var entry in header.Entries)
                {
                    Assert.InRange(entry.Offset, 8 + length, mutant.Length);
                    Assert.InRange(entry.Offset + entry.Length, entry.Offset, mutant.Length);
                    Assert.Equal(entry.Length,
                        entry.Shape.Aggregate((long)SafeTensorsHeader.ElementSize(entry.Type), (a, b) => a * b));
                }
                accepted++;
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }
        // Some mutations only touch names; both outcomes must have been seen.
        Assert.True(refused > 3000 && accepted > 20, $"{refused} refused, {accepted} accepted");
    }

    private static SafeTensorsHeader Parse(string json, int data, out long start)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        start = 8 + bytes.Length;
        return SafeTensorsHeader.Parse(bytes, start + data, "x.safetensors");
    }
}
