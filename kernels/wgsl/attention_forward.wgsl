// Attention of qkv.
//# include attention_forward_main.wgsl
//# include attention_parts.wgsl
//# include attention_packed.wgsl
//# include attention_keys.wgsl
