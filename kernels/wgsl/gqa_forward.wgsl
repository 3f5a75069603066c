// Grouped-query attention (Ainslie et al. 2023) of q, k and v.
//# include attention_forward_main.wgsl
//# include attention_parts.wgsl
//# include attention_grouped.wgsl
//# include attention_keys.wgsl
