// What a model class offers so that folders can be opened and written without knowing it.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>A model that is described by a config.json and filled from safetensors files.</summary>
/// <typeparam name="TSelf">The model's class.</typeparam>
public interface IPretrainedModel<TSelf> where TSelf : nn.Module, IPretrainedModel<TSelf>
{
    /// <summary>First part of the names of its weight files.</summary>
    static abstract string WeightsName { get; }

    /// <summary>Makes a model with random weights from the text of a config.json.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for errors.</param>
    /// <param name="device">Where it lives.</param>
    /// <param name="dtype">Type of its parameters.</param>
    /// <exception cref="CheckpointException">An unknown field, block type or value, named.</exception>
    static abstract TSelf Create(string json, string source, Device? device, ScalarType? dtype);

    /// <summary>The text of its config.json.</summary>
    string ConfigJson { get; }
}
