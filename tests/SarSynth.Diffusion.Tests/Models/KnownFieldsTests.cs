using System.Text.Json.Nodes;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;

namespace SarSynth.Diffusion.Tests.Models;

/// <summary>
/// Every field that diffusers' and transformers' classes have, at a value that changes what they compute: it is
/// honoured, as the written configuration shows (recorded cases show that it computes the same), or
/// refused with its name and value.
/// </summary>
public sealed class KnownFieldsTests
{
    private const string Levels =
        "\"block_out_channels\": [32, 64], \"layers_per_block\": 1, \"attention_head_dim\": 2, "
        + "\"cross_attention_dim\": 16";
    private const string UNet =
        $$"""{ {{Levels}}, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],"""
        + """ "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"] }""";
    private const string ControlNet =
        $$"""{ {{Levels}}, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"] }""";

    public static TheoryData<string, string, string> Fields
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            string[] shared =
            [
                "in_channels=5", "flip_sin_to_cos=false", "freq_shift=1", "mid_block_type=\"UNetMidBlock2D\"",
                "mid_block_type=\"UNetMidBlock2DSimpleCrossAttn\"",
                "only_cross_attention=true", "only_cross_attention=[false,true]", "block_out_channels=[64,64]",
                "layers_per_block=2", "layers_per_block=[1,2]", "downsample_padding=0",
                "mid_block_scale_factor=1.4", "act_fn=\"gelu\"", "act_fn=\"mish\"", "norm_num_groups=16",
                "norm_num_groups=null", "norm_eps=1e-6", "cross_attention_dim=24",
                "cross_attention_dim=[16,24]", "transformer_layers_per_block=2", "transformer_layers_per_block=[1,2]",
                "encoder_hid_dim=32", "encoder_hid_dim_type=\"text_proj\"",
                "encoder_hid_dim_type=\"ip_image_proj\"", "attention_head_dim=4", "attention_head_dim=[2,4]",
                "num_attention_heads=4", "use_linear_projection=true",
                "class_embed_type=\"timestep\"", "class_embed_type=\"identity\"",
                "class_embed_type=\"simple_projection\"", "addition_embed_type=\"text\"",
                "addition_embed_type=\"text_image\"", "addition_embed_type=\"image\"",
                "addition_embed_type=\"image_hint\"", "num_class_embeds=7", "upcast_attention=true",
                "resnet_time_scale_shift=\"scale_shift\"", "resnet_time_scale_shift=\"ada_group\"",
                "resnet_time_scale_shift=\"spatial\"",
                "down_block_types=[\"DownBlock2D\",\"SimpleCrossAttnDownBlock2D\"]",
                "down_block_types=[\"DownBlock2D\",\"ResnetDownsampleBlock2D\"]",
                "down_block_types=[\"KDownBlock2D\",\"KCrossAttnDownBlock2D\"]",
                "down_block_types=[\"AttnDownBlock2D\",\"DownBlock2D\"]",
                "down_block_types=[\"CrossAttnDownBlock2D\",\"DownBlock2D\"]",
            ];
            string[] unet =
            [
                "sample_size=96", "sample_size=[64,96]", "out_channels=8", "center_input_sample=true",
                "up_block_types=[\"UpBlock2D\",\"CrossAttnUpBlock2D\"]",
                "up_block_types=[\"SimpleCrossAttnUpBlock2D\",\"UpBlock2D\"]",
                "up_block_types=[\"ResnetUpsampleBlock2D\",\"UpBlock2D\"]", "mid_block_type=null", "dropout=0.1",
                "reverse_transformer_layers_per_block=[2,1]", "transformer_layers_per_block=[1,[2]]",
                "dual_cross_attention=true", "resnet_skip_time_act=true",
                "resnet_out_scale_factor=1.4", "time_embedding_type=\"fourier\"", "time_embedding_dim=64",
                "time_embedding_act_fn=\"silu\"", "timestep_post_act=\"silu\"",
                "time_cond_proj_dim=32", "conv_in_kernel=5", "conv_in_kernel=4", "conv_out_kernel=1",
                "attention_type=\"gated\"", "attention_type=\"gated-text-image\"",
                "class_embeddings_concat=true", "cross_attention_norm=\"group_norm\"",
                "cross_attention_norm=\"layer_norm\"", "mid_block_only_cross_attention=true",
                "addition_embed_type_num_heads=32",
            ];
            string[] controlnet =
            [
                "conditioning_channels=1", "controlnet_conditioning_channel_order=\"bgr\"",
                "controlnet_conditioning_channel_order=\"gbr\"",
                "conditioning_embedding_out_channels=[8,16]", "global_pool_conditions=true",
                "addition_embed_type_num_heads=32", "mid_block_type=null",
            ];
            string[] vae =
            [
                "in_channels=1", "out_channels=1", "down_block_types=[\"AttnDownEncoderBlock2D\"]",
                "up_block_types=[\"AttnUpDecoderBlock2D\"]", "block_out_channels=[32]", "layers_per_block=2",
                "act_fn=\"mish\"", "latent_channels=16", "norm_num_groups=16", "sample_size=64", "scaling_factor=0.13",
                "shift_factor=0.1", "latents_mean=[0.1,0.2,0.3,0.4]", "latents_std=[1,2,3]",
                "force_upcast=false", "use_quant_conv=false", "use_post_quant_conv=false",
                "mid_block_add_attention=false",
            ];
            string[] clip =
            [
                "vocab_size=500", "hidden_size=64", "intermediate_size=128", "projection_dim=32", "num_hidden_layers=3",
                "num_attention_heads=4", "max_position_embeddings=32",
                "hidden_act=\"gelu\"", "hidden_act=\"gelu_new\"", "hidden_act=\"silu\"", "layer_norm_eps=1e-6",
                "attention_dropout=0.1", "dropout=0.1", "initializer_range=0.1", "initializer_factor=2.0",
                "pad_token_id=0",
                "bos_token_id=1", "eos_token_id=2", "pruned_heads={\"1\":[0]}",
            ];
            foreach (var (model, fields) in new[] { ("unet", shared.Concat(unet)),
                ("controlnet", shared.Concat(controlnet)), ("vae", vae), ("clip", clip) })
                foreach (var pair in fields)
                    data.Add(model, pair[..pair.IndexOf('=')], pair[(pair.IndexOf('=') + 1)..]);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Fields))]
    public void AFieldOfAModelIsHonouredOrNamed(string model, string field, string value)
    {
        var json = JsonNode.Parse(model switch { "unet" => UNet, "controlnet" => ControlNet, _ => "{}" })!.AsObject();
        json[field] = JsonNode.Parse(value);
        string Written() => model switch
        {
            "unet" => UNet2DConditionConfig.FromJson(json.ToJsonString()).ToJson(),
            "controlnet" => ControlNetConfig.FromJson(json.ToJsonString()).ToJson(),
            "vae" => AutoencoderKLConfig.FromJson(json.ToJsonString()).ToJson(),
            _ => CLIPTextConfig.FromJson(json.ToJsonString()).ToJson(),
        };
        HonouredOrNamed(field, value, Written);
    }

    public static TheoryData<string, string, string> SchedulerFields
    {
        get
        {
            // Field by field of each class's constructor, newer versions' too.
            string[] all = ["num_train_timesteps=500", "beta_start=0.001", "beta_end=0.01",
                "beta_schedule=\"scaled_linear\"", "beta_schedule=\"sigmoid\"", "beta_schedule=\"laplace\"",
                "prediction_type=\"v_prediction\"",
                "prediction_type=\"flow_prediction\"", "timestep_spacing=\"trailing\"", "timestep_spacing=\"random\"",
                    "steps_offset=1"];
            string[] zero = ["rescale_betas_zero_snr=true"],
            bounded = ["thresholding=true", "dynamic_thresholding_ratio=0.9", "sample_max_value=1.5"],
            clipped = ["clip_sample_range=2.0"],
                sigmas = ["use_karras_sigmas=true", "use_exponential_sigmas=true", "use_beta_sigmas=true"];
            var data = new TheoryData<string, string, string>();
            foreach (var (name, fields) in new (string, IEnumerable<string>)[]
                     {
                         ("DDPMScheduler",
                             [.. all, .. zero, .. bounded, .. clipped, "clip_sample=false",
                             "variance_type=\"fixed_large\"", "variance_type=\"learned_range\""]),
                         ("DDIMScheduler",
                             [.. all, .. zero, .. bounded, .. clipped, "clip_sample=false", "set_alpha_to_one=false"]),
                         ("PNDMScheduler", [.. all, "set_alpha_to_one=true", "skip_prk_steps=false"]),
                         ("EulerDiscreteScheduler",
                             [.. all, .. zero, .. sigmas, "interpolation_type=\"log_linear\"", "sigma_min=0.1",
                             "sigma_max=10.0", "timestep_type=\"continuous\"", "final_sigmas_type=\"sigma_min\""]),
                         ("EulerAncestralDiscreteScheduler", [.. all, .. zero]),
                         ("HeunDiscreteScheduler", [.. all, .. clipped, .. sigmas, "clip_sample=true"]),
                         ("DPMSolverMultistepScheduler",
                             [.. all, .. zero, .. bounded, .. sigmas, "solver_order=3", "solver_order=4",
                             "algorithm_type=\"sde-dpmsolver++\"", "algorithm_type=\"dpmsolver\"",
                             "solver_type=\"heun\"",
                             "lower_order_final=false", "euler_at_final=true", "use_lu_lambdas=true",
                             "final_sigmas_type=\"sigma_min\"", "lambda_min_clipped=-5.1", "variance_type=\"learned\"",
                             "use_flow_sigmas=true",
                             "flow_shift=3.0", "use_dynamic_shifting=true"]),
                         ("LCMScheduler", [.. all, .. zero, .. bounded, .. clipped, "clip_sample=true",
                             "set_alpha_to_one=false", "original_inference_steps=25", "timestep_scaling=5.0"]),
                     })
                foreach (var pair in fields)
                    data.Add(name, pair[..pair.IndexOf('=')], pair[(pair.IndexOf('=') + 1)..]);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(SchedulerFields))]
    public void AFieldOfASchedulerIsHonouredOrNamed(string name, string field, string value)
    {
        var json = new JsonObject { ["_class_name"] = name, [field] = JsonNode.Parse(value) };
        if (name == "PNDMScheduler" && field != "skip_prk_steps")
            json["skip_prk_steps"] = true;
        HonouredOrNamed(field, value, () => SamplerConfig.Parse(json.ToJsonString()).ToJson());
    }

    private static void HonouredOrNamed(string field, string value, Func<string> written)
    {
        string json;
        try
        {
            json = written();
        }
        catch (CheckpointException error)
        {
            Assert.Contains(field, error.Message);
            // A list's message names its faulty entry, or how many it has.
            var found = value.Trim('"') is var bare && bare.StartsWith('[')
                ? JsonNode.Parse(value)!.AsArray().Select(v => v!.ToString()).Append("values").Append("null")
                : bare == "{\"1\":[0]}" ? ["not empty"] : [bare, "null", "values", "''"];
            Assert.Contains(found, part => error.Message.Contains(part, StringComparison.Ordinal));
            return;
        }
        var kept = JsonNode.Parse(json)![field];
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(value), kept)
            || (double.TryParse(value, out var number) && number == kept?.GetValue<double>()),
            $"{field} {value} became {kept?.ToJsonString() ?? "null"}");
    }
}
