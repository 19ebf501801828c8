import QtQuick
import QtQuick.Layouts
import "controls"

// Why a message is in its state.
Box {
    id: box
    property var found: ({})
    title: qsTr("Where is it?")
    function about(explained) { found = explained; open() }
    Paragraph { objectName: "sentence"; text: box.found.sentence || ""; font.weight: Font.Medium; Layout.fillWidth: true }
    Repeater {
        model: box.found.evidence || []
        Paragraph { required property string modelData; text: "• " + modelData; color: Theme.c.faint; Layout.fillWidth: true }
    }
    Words {
        visible: (box.found.nextTry || 0) > 0
        text: qsTr("Next try: %1").arg(When.full(box.found.nextTry || 0))
        color: Theme.c.faint
        Layout.fillWidth: true
    }
    Repeater {
        model: (box.found.recipients || []).length > 1 ? box.found.recipients : []
        ColumnLayout {
            required property var modelData
            Layout.fillWidth: true
            spacing: 2
            Words { text: modelData.name; font.weight: Font.DemiBold; Layout.fillWidth: true }
            Paragraph { text: modelData.sentence; color: Theme.c.faint; Layout.fillWidth: true }
        }
    }
}
