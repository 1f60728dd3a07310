/**
 * The only door to Baileys. What is wrong with Baileys 7.0.0-rc14 and its libsignal in matters of trust is put right
 * here, before either is first imported; see docs/decisions/0002-trust.md.
 */
import './hardening.ts';

export * from '@whiskeysockets/baileys';
