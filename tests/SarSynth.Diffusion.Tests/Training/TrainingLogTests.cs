using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Diffusion.Training;

namespace SarSynth.Diffusion.Tests.Training;

public sealed class TrainingLogTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("log").FullName;

    private string File => Path.Combine(folder, "losses.jsonl");

    private string Events => Path.Combine(folder, "events");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void EachStepIsALineAtOnce()
    {
        using var log = new TrainingLog(File);
        log.Write(new TrainingProgress(1, 9, 0.5, 1.25, 1e-4, 7));
        log.Write(new TrainingProgress(2, 9, double.NaN, double.NaN, 1e-4, 7)
        {
            Rates = new Dictionary<string, double> { ["unet"] = 1e-5 }, Validation = 0.75, Skipped = 1,
        });
        string[] expected =
        [
            """{"step":1,"loss":0.5,"gradientNorm":1.25,"rate":0.0001}""",
            """{"step":2,"loss":null,"gradientNorm":null,"rate":0.0001,"rates":{"unet":1E-05},"validation":0.75,"""
                + "\"skipped\":1}",
        ];
        Assert.Equal(expected, System.IO.File.ReadAllLines(File)); // The log is still open.
    }

    [Fact]
    public void AResumedTrainingWritesNoStepTwice()
    {
        Write(1, 12);
        var whole = System.IO.File.ReadAllBytes(File);
        // Killed in the middle of a line, twelve steps on; its last checkpoint was of step 8.
        System.IO.File.AppendAllText(File, "{\"step\":13,\"lo");
        Write(9, 12);
        Assert.Equal(whole, System.IO.File.ReadAllBytes(File));
        Write(13, 13);
        Assert.Equal(Enumerable.Range(1, 13), System.IO.File.ReadLines(File)
            .Select(l => (int)JsonNode.Parse(l)!["step"]!));
    }

    [Fact]
    public void TensorBoardSeesEachStepOnce()
    {
        Write(1, 6, Events);
        Write(4, 7, Events);
        var file = Assert.Single(Directory.GetFiles(Events));
        Assert.StartsWith("events.out.tfevents.", Path.GetFileName(file));
        var records = Records(System.IO.File.ReadAllBytes(file)).ToList();
        Assert.Contains("brain.Event:2", Encoding.UTF8.GetString(records[0]));
        // Event: field 2 is the step; field 5 the summary, whose first field is a value: 1 its tag, 2 the number.
        var told = records.Skip(1).Select(Fields)
            .Select(e => (Step: (long)e[2], Value: Fields((byte[])Fields((byte[])e[5])[1])))
            .Select(e => (e.Step, Tag: Encoding.UTF8.GetString((byte[])e.Value[1]), Number: (float)e.Value[2]))
            .ToList();
        Assert.Equal(Enumerable.Range(1, 7).Select(i => ((long)i, 1f / i)),
            told.Where(t => t.Tag == "loss").Select(t => (t.Step, t.Number)));
        Assert.Equal(Enumerable.Range(1, 7).Select(i => (long)i),
            told.Where(t => t.Tag == "learning rate/unet").Select(t => t.Step));
    }

    private void Write(int first, int last, string? events = null)
    {
        using var log = new TrainingLog(File, events);
        for (int i = first; i <= last; i++)
            log.Write(new TrainingProgress(i, 99, 1.0 / i, 2, 1e-4, i)
            {
                Rates = new Dictionary<string, double> { ["unet"] = 1e-5 },
            });
    }

    // TFRecord: length, its masked CRC-32C, the data, their masked CRC-32C.
    private static IEnumerable<byte[]> Records(byte[] bytes)
    {
        static uint Masked(ReadOnlySpan<byte> data)
        {
            uint crc = ~0u;
            foreach (var value in data)
                crc = BitOperations.Crc32C(crc, value);
            return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
        }
        for (int at = 0; at < bytes.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            Assert.Equal(Masked(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            var data = bytes[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            yield return data;
            at += length + 16;
        }
    }

    // Fields of a protocol buffer by their numbers.
    private static Dictionary<int, object> Fields(byte[] message)
    {
        var fields = new Dictionary<int, object>();
        int at = 0;
        ulong Number()
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte part = message[at++];
                value |= (ulong)(part & 127) << shift;
                if (part < 128)
                    return value;
            }
        }
        while (at < message.Length)
        {
            ulong key = Number();
            int size = (key & 7) switch { 1 => 8, 5 => 4, _ => 0 };
            object value;
            if ((key & 7) == 0)
                value = (long)Number();
            else
            {
                if ((key & 7) == 2)
                    size = (int)Number();
                var part = message[at..(at += size)];
                value = (key & 7) switch
                {
                    1 => BitConverter.ToDouble(part),
                    5 => BitConverter.ToSingle(part),
                    _ => part,
                };
            }
            fields[(int)(key >> 3)] = value;
        }
        return fields;
    }
}
