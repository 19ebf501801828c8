import QtQuick
import QtQuick.Controls.impl
import "controls"

// How far a message of ours has come: a clock, one tick, two, two in colour.
Row {
    id: mark
    property string state_
    property color tint: Theme.c.faint
    readonly property string words: ({
        queued: qsTr("Waiting to be sent"),
        sent: qsTr("On its way"),
        delivered: qsTr("Delivered"),
        read: qsTr("Read"),
        failed: qsTr("Not sent")
    })[state_] || ""
    spacing: -Theme.px(8)
    Accessible.role: Accessible.StaticText
    Accessible.name: words
    Repeater {
        model: !mark.visible ? 0 : mark.state_ === "delivered" || mark.state_ === "read" ? 2 : 1
        IconImage {
            width: Theme.px(15)
            height: width
            sourceSize: Qt.size(width, width)
            source: Theme.icon(mark.state_ === "queued" ? "clock" : mark.state_ === "failed" ? "warning" : "check")
            color: mark.state_ === "failed" ? Theme.c.bad : mark.tint
        }
    }
}
